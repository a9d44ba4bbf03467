-- The read model. Everything in here is rebuilt from the log if the tables are deleted.
-- Times are milliseconds since 1970; digests are 16 bytes; JSON is exact text.

-- One row: who may commit, and what was committed last.
CREATE TABLE leader (
    id int PRIMARY KEY CHECK (id = 1),
    holder text,
    -- The session that commits: a process number is used again, so its start belongs to it.
    backend int,
    backend_started_at timestamptz,
    epoch bigint NOT NULL,
    expires_at timestamptz,
    revision bigint NOT NULL,
    incarnation bigint GENERATED ALWAYS AS (revision >> 40) STORED,
    log_id uuid,
    sources_next bigint NOT NULL,
    -- History is complete after this revision.
    history_from bigint NOT NULL,
    -- Rows of entities, because counting them is slow.
    entities bigint NOT NULL
);

INSERT INTO leader (id, epoch, revision, sources_next, history_from, entities) VALUES (1, 0, 0, 0, 0, 0);

CREATE TABLE positions (
    partition int PRIMARY KEY,
    processed_next bigint NOT NULL,
    changes_next bigint NOT NULL
);

CREATE TABLE refs (
    id int PRIMARY KEY,
    entity_ref text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE relation_types (
    id smallint PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE claims (
    id bigint PRIMARY KEY,
    ref_id int NOT NULL,
    released boolean NOT NULL,
    version bigint NOT NULL,
    errors_version bigint NOT NULL,
    created_at bigint NOT NULL,
    identity uuid NOT NULL,
    errors_identity uuid NOT NULL,
    form_digest bytea NOT NULL,
    provider text NOT NULL,
    -- Array of Location, document and listed document; null for what the provider submitted itself.
    listing json,
    location_key text,
    state text NOT NULL,
    standing text NOT NULL,
    fingerprint text NOT NULL,
    form_errors json NOT NULL,
    errors json NOT NULL,
    form json,
    -- The errors part counts while it is newer than the form.
    has_problems boolean NOT NULL GENERATED ALWAYS AS
        (state <> 'withdrawn' AND (errors_version > version OR state = 'refused' OR form_errors::text <> '[]')) STORED
);

CREATE INDEX claims_by_ref ON claims (ref_id);
CREATE INDEX claims_with_problems ON claims (ref_id, id) WHERE has_problems;
CREATE INDEX claims_in_conflict ON claims (ref_id, id) WHERE standing = 'loser';

CREATE TABLE entities (
    ref_id int PRIMARY KEY,
    claim_id bigint NOT NULL,
    revision bigint NOT NULL,
    uid uuid NOT NULL,
    body_digest bytea NOT NULL,
    relations_digest bytea NOT NULL,
    etag text NOT NULL,
    -- Without relations and etag.
    body json NOT NULL
-- Room for new etags beside the old: a change of relations then touches no index.
) WITH (fillfactor = 90);

CREATE TABLE relations (
    source_id int,
    type_id smallint,
    target_id int,
    originator_id bigint,
    PRIMARY KEY (source_id, type_id, target_id, originator_id)
);

CREATE TABLE history (
    revision bigint PRIMARY KEY,
    commit_revision bigint NOT NULL,
    committed_at bigint NOT NULL,
    ref_id int NOT NULL,
    uid uuid NOT NULL,
    operation text NOT NULL,
    etag text NOT NULL,
    relations_added json NOT NULL,
    relations_removed json NOT NULL,
    cause json NOT NULL,
    -- The body after, as a zstd frame; null when it stayed as it was or is gone.
    body bytea
);

CREATE INDEX history_by_ref ON history (ref_id, revision);

-- It is compressed already.
ALTER TABLE history ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE sources (
    key text PRIMARY KEY,
    state json NOT NULL
);

-- For people: relations as text, each once however many claims imply it.
CREATE VIEW entity_relations AS
SELECT DISTINCT s.entity_ref AS source_ref, t.name AS type, g.entity_ref AS target_ref
FROM relations r
JOIN refs s ON s.id = r.source_id
JOIN relation_types t ON t.id = r.type_id
JOIN refs g ON g.id = r.target_id;

-- For people: final entities as the API shows them. The only text that jsonb cannot hold, the escape
-- of U+0000, is shown as the replacement character.
CREATE VIEW final_entities AS
SELECT
    f.entity_ref,
    e.etag,
    e.revision,
    jsonb_set(
        replace(e.body::text, '\u0000', '\ufffd')::jsonb,
        '{metadata,etag}',
        to_jsonb(e.etag)
    ) || jsonb_build_object('relations', COALESCE(shown.relations, '[]'::jsonb)) AS entity
FROM entities e
JOIN refs f ON f.id = e.ref_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('type', d.type, 'targetRef', d.target_ref) ORDER BY d.type, d.target_ref)
        AS relations
    FROM (
        SELECT DISTINCT t.name AS type, g.entity_ref AS target_ref
        FROM relations r
        JOIN relation_types t ON t.id = r.type_id
        JOIN refs g ON g.id = r.target_id
        WHERE r.source_id = e.ref_id
    ) d
) shown ON true;

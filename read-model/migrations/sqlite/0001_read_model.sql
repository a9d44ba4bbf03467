-- The read model. Everything in here is rebuilt from the log if the file is deleted.
-- Times are milliseconds since 1970; digests and uuids are 16 bytes; JSON is exact text.

-- One row: who may commit, and what was committed last.
CREATE TABLE leader (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    holder TEXT,
    epoch INTEGER NOT NULL,
    expires_at INTEGER,
    revision INTEGER NOT NULL,
    incarnation INTEGER GENERATED ALWAYS AS (revision >> 40) VIRTUAL,
    log_id BLOB,
    sources_next INTEGER NOT NULL,
    -- History is complete after this revision.
    history_from INTEGER NOT NULL,
    -- Rows of entities, because counting them would read every body.
    entities INTEGER NOT NULL
) STRICT;

INSERT INTO leader (id, epoch, revision, sources_next, history_from, entities) VALUES (1, 0, 0, 0, 0, 0);

CREATE TABLE positions (
    partition INTEGER PRIMARY KEY,
    processed_next INTEGER NOT NULL,
    changes_next INTEGER NOT NULL
) STRICT;

CREATE TABLE refs (
    id INTEGER PRIMARY KEY,
    entity_ref TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE relation_types (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE claims (
    id INTEGER PRIMARY KEY,
    ref_id INTEGER NOT NULL,
    provider TEXT NOT NULL,
    -- JSON array of Location, document and listed document; null for what the provider submitted itself.
    listing TEXT,
    identity BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    location_key TEXT,
    released INTEGER NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    standing TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    form_digest BLOB NOT NULL,
    form_errors TEXT NOT NULL,
    errors_version INTEGER NOT NULL,
    errors_identity BLOB NOT NULL,
    errors TEXT NOT NULL,
    -- The errors part counts while it is newer than the form.
    has_problems INTEGER NOT NULL GENERATED ALWAYS AS
        (state <> 'withdrawn' AND (errors_version > version OR state = 'refused' OR form_errors <> '[]')) VIRTUAL,
    -- Last, because it is long and reads of the other columns need not pass it.
    form TEXT
) STRICT;

CREATE INDEX claims_by_ref ON claims (ref_id);
CREATE INDEX claims_with_problems ON claims (ref_id, id) WHERE has_problems;
CREATE INDEX claims_in_conflict ON claims (ref_id, id) WHERE standing = 'loser';

CREATE TABLE entities (
    ref_id INTEGER PRIMARY KEY,
    uid BLOB NOT NULL,
    claim_id INTEGER NOT NULL,
    body_digest BLOB NOT NULL,
    relations_digest BLOB NOT NULL,
    etag TEXT NOT NULL,
    revision INTEGER NOT NULL,
    -- Without relations and etag.
    body TEXT NOT NULL
) STRICT;

-- The key is the row: one tree instead of a table and an index.
CREATE TABLE relations (
    source_id INTEGER NOT NULL,
    type_id INTEGER NOT NULL,
    target_id INTEGER NOT NULL,
    originator_id INTEGER NOT NULL,
    PRIMARY KEY (source_id, type_id, target_id, originator_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
    revision INTEGER PRIMARY KEY,
    commit_revision INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    ref_id INTEGER NOT NULL,
    operation TEXT NOT NULL,
    uid BLOB NOT NULL,
    etag TEXT NOT NULL,
    relations_added TEXT NOT NULL,
    relations_removed TEXT NOT NULL,
    cause TEXT NOT NULL,
    -- The body after, as a zstd frame; null when it stayed as it was or is gone.
    body BLOB
) STRICT;

CREATE INDEX history_by_ref ON history (ref_id, revision);

CREATE TABLE sources (
    key TEXT PRIMARY KEY,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- For people: relations as text, each once however many claims imply it.
CREATE VIEW entity_relations AS
SELECT DISTINCT s.entity_ref AS source_ref, t.name AS type, g.entity_ref AS target_ref
FROM relations r
JOIN refs s ON s.id = r.source_id
JOIN relation_types t ON t.id = r.type_id
JOIN refs g ON g.id = r.target_id;

-- For people: final entities as the API shows them.
CREATE VIEW final_entities AS
SELECT
    f.entity_ref,
    e.etag,
    e.revision,
    json_set(e.body, '$.metadata.etag', e.etag, '$.relations', (
        SELECT json_group_array(json_object('type', d.type, 'targetRef', d.target_ref))
        FROM (
            SELECT DISTINCT t.name AS type, g.entity_ref AS target_ref
            FROM relations r
            JOIN relation_types t ON t.id = r.type_id
            JOIN refs g ON g.id = r.target_id
            WHERE r.source_id = e.ref_id
            ORDER BY 1, 2
        ) d
    )) AS entity
FROM entities e
JOIN refs f ON f.id = e.ref_id;

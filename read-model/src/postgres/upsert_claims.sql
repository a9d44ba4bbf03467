INSERT INTO claims (id, ref_id, released, version, errors_version, created_at, identity, errors_identity,
    form_digest, provider, listing, location_key, state, standing, fingerprint, form_errors, errors, form,
    location_id)
SELECT n.id, n.ref_id, n.released, n.version, n.errors_version, n.created_at, n.identity, n.errors_identity,
    n.form_digest, n.provider, n.listing::json, n.location_key, n.state, n.standing, n.fingerprint,
    n.form_errors::json, n.errors::json, n.form::json, n.location_id
FROM UNNEST($1::int8[], $2::int4[], $3::bool[], $4::int8[], $5::int8[], $6::int8[], $7::uuid[], $8::uuid[],
    $9::bytea[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
    $17::text[], $18::text[], $19::uuid[])
    AS n (id, ref_id, released, version, errors_version, created_at, identity, errors_identity, form_digest,
        provider, listing, location_key, state, standing, fingerprint, form_errors, errors, form, location_id)
ON CONFLICT (id) DO UPDATE SET
    released = excluded.released, version = excluded.version, errors_version = excluded.errors_version,
    created_at = excluded.created_at, identity = excluded.identity, errors_identity = excluded.errors_identity,
    form_digest = excluded.form_digest, location_key = excluded.location_key, state = excluded.state,
    standing = excluded.standing, fingerprint = excluded.fingerprint, form_errors = excluded.form_errors,
    errors = excluded.errors, form = excluded.form, location_id = excluded.location_id

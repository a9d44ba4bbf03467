SELECT r.entity_ref, c.provider, c.listing::text AS listing, c.identity, c.created_at, c.location_key, c.released,
    c.version, c.state, c.standing, c.form_errors::text AS "form_errors!", c.errors_version,
    c.errors::text AS "errors!", w.provider AS "winner_provider?", w.listing::text AS winner_listing
FROM claims c
JOIN refs r ON r.id = c.ref_id
LEFT JOIN entities e ON e.ref_id = c.ref_id
LEFT JOIN claims w ON w.id = e.claim_id
WHERE c.id = ANY($1::int8[])
ORDER BY c.ref_id, c.id

-- Texts with a NUL cannot be taken out of JSON; there the whole error is compared, and that of a source left out.
WITH told AS (
    SELECT DISTINCT c.ref_id,
        CASE WHEN p.value::text LIKE '%\\u0000%' THEN p.value::text ELSE p.value ->> 'message' END AS message,
        CASE WHEN p.value::text LIKE '%\\u0000%' THEN NULL ELSE p.value ->> 'location' END AS location,
        CASE WHEN p.value::text LIKE '%\\u0000%' THEN NULL ELSE p.value ->> 'line' END AS line
    FROM claims c,
        json_array_elements(CASE WHEN c.errors_version > c.version THEN c.errors ELSE c.form_errors END) p (value)
    WHERE c.has_problems
), sourced AS (
    SELECT p.value ->> 'message' AS message, coalesce(p.value ->> 'location', s.key::json ->> 2) AS location,
        p.value ->> 'line' AS line
    FROM sources s,
        json_array_elements(
            CASE WHEN s.state::text || s.key LIKE '%\\u0000%' THEN '[]'::json ELSE s.state -> 'errors' END
        ) p (value)
    EXCEPT SELECT message, location, line FROM told
)
SELECT (SELECT count(*) FROM told) + (SELECT count(*) FROM sourced) AS "count!"

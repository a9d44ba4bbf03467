WITH told AS (
    SELECT DISTINCT c.ref_id, p.value ->> '$.message' AS message, p.value ->> '$.location' AS location,
        p.value ->> '$.line' AS line
    FROM claims c, json_each(CASE WHEN c.errors_version > c.version THEN c.errors ELSE c.form_errors END) p
    WHERE c.has_problems
), sourced AS (
    SELECT p.value ->> '$.message' AS message, coalesce(p.value ->> '$.location', s.key ->> '$[2]') AS location,
        p.value ->> '$.line' AS line
    FROM sources s, json_each(s.state, '$.errors') p
    EXCEPT SELECT message, location, line FROM told
)
SELECT (SELECT count(*) FROM told) + (SELECT count(*) FROM sourced)

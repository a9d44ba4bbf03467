-- The id of the registered location that a claim is. Claims that were written before there were any have none.
ALTER TABLE claims ADD COLUMN location_id BLOB;

CREATE INDEX claims_of_locations ON claims (location_id) WHERE location_id IS NOT NULL;

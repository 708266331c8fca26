-- Spaces: which services of an account share their mappings. Rows are held in one order everywhere: the account, its services by id,
-- then spaces by id. A space's generation goes on with each change of a pool in it, so that all its services see it.

-- name: account_hold (reference)
-- Hold which spaces an account has: a service that is made meanwhile waits, and so does one that is to join all others.
UPDATE account SET updated_at = updated_at WHERE id = $1 RETURNING id;

-- name: space_insert (reference)
INSERT INTO sticky_space (id, sid, account_id, friendly_name, of_all, sticky_ttl_days, sticky_ttl_hours, created_at, updated_at)
SELECT nextval(pg_get_serial_sequence('service', 'id'))::integer, $1, $2, $3, $4, $5, $6, $7, $7
RETURNING id;

-- name: space_by_id (reference)
SELECT g.*, ARRAY(SELECT s.sid FROM service s WHERE s.space_id = g.id AND s.deleted_at IS NULL ORDER BY s.id) AS services
  FROM sticky_space g WHERE g.id = $1 AND g.deleted_at IS NULL;

-- name: space_by_sid (reference)
SELECT g.*, ARRAY(SELECT s.sid FROM service s WHERE s.space_id = g.id AND s.deleted_at IS NULL ORDER BY s.id) AS services
  FROM sticky_space g WHERE g.account_id = $1 AND g.sid = $2 AND g.deleted_at IS NULL;

-- name: space_page_down (reference)
SELECT g.*, ARRAY(SELECT s.sid FROM service s WHERE s.space_id = g.id AND s.deleted_at IS NULL ORDER BY s.id) AS services
  FROM sticky_space g WHERE g.account_id = $1 AND g.deleted_at IS NULL AND g.id < $2::bigint ORDER BY g.id DESC LIMIT $3;

-- name: space_page_up (reference)
SELECT g.*, ARRAY(SELECT s.sid FROM service s WHERE s.space_id = g.id AND s.deleted_at IS NULL ORDER BY s.id) AS services
  FROM sticky_space g WHERE g.account_id = $1 AND g.deleted_at IS NULL AND g.id > $2::bigint ORDER BY g.id LIMIT $3;

-- name: space_of_all (reference)
-- The space that every service of an account is in.
SELECT id FROM sticky_space WHERE account_id = $1 AND of_all AND deleted_at IS NULL;

-- name: space_count (reference)
SELECT count(*) FROM service WHERE space_id = $1 AND deleted_at IS NULL;

-- name: space_touch (reference)
-- Hold a space, and let all its services see that something in it changes.
UPDATE sticky_space SET generation = generation + 1 WHERE id = $1 AND deleted_at IS NULL RETURNING generation;

-- name: space_update (reference)
UPDATE sticky_space
   SET friendly_name = $2, of_all = $3, sticky_ttl_days = $4, sticky_ttl_hours = $5, updated_at = $6, generation = generation + 1
 WHERE id = $1;

-- name: space_delete (reference)
UPDATE sticky_space SET deleted_at = $2, updated_at = $2 WHERE id = $1;

-- name: services_of_account (reference)
SELECT id, space_id FROM service WHERE account_id = $1 AND deleted_at IS NULL ORDER BY id;

-- name: service_space (reference)
SELECT space_id FROM service WHERE id = $1;

-- name: service_move (reference)
-- A service changes its space, $3 being the generation of the one that it leaves: what it reads by goes on and never back.
UPDATE service SET space_id = $2, generation = generation + $3 + 1 WHERE id = $1;

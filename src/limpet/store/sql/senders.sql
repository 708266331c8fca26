-- The senders that accounts own.

-- name: sender_insert (reference)
-- No row when the number has an owner; a name may be anybody's.
INSERT INTO sender (sid, account_id, address, country, kind, capabilities, friendly_name, carrier, sms_url, sms_method,
                    sms_fallback_url, sms_fallback_method, status_callback, settings, created_at, updated_at, a2p_held)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15,
        EXISTS (SELECT FROM number_registration b WHERE b.address = $3 AND b.stage IN ('leaving', 'held')))
    ON CONFLICT (address) WHERE released_at IS NULL AND kind NOT IN ('alphanumeric', 'destination_alpha') DO NOTHING
RETURNING *;

-- name: sender_by_sid (reference)
SELECT * FROM sender WHERE account_id = $1 AND sid = $2 AND released_at IS NULL;

-- name: sender_by_address (reference)
SELECT * FROM sender WHERE account_id = $1 AND address = $2 AND released_at IS NULL AND kind = ANY ('{long_code,toll_free,short_code}');

-- name: sender_page_down (reference)
SELECT * FROM sender
 WHERE account_id = $1 AND released_at IS NULL AND kind = ANY ($2::text[]) AND ($3::text IS NULL OR address LIKE $3)
   AND ($4::text IS NULL OR friendly_name = $4) AND id < $5::bigint
 ORDER BY id DESC LIMIT $6;

-- name: sender_page_up (reference)
SELECT * FROM sender
 WHERE account_id = $1 AND released_at IS NULL AND kind = ANY ($2::text[]) AND ($3::text IS NULL OR address LIKE $3)
   AND ($4::text IS NULL OR friendly_name = $4) AND id > $5::bigint
 ORDER BY id LIMIT $6;

-- name: sender_sids_of_account (reference)
SELECT sid FROM sender WHERE account_id = $1 AND released_at IS NULL ORDER BY id LIMIT $2;

-- name: sender_owned (reference)
SELECT address FROM sender WHERE address = ANY ($1::text[]) AND released_at IS NULL;

-- name: sender_hold (reference)
-- Hold a number until the commit, as `service_hold` does.
UPDATE sender SET updated_at = updated_at WHERE account_id = $1 AND sid = $2 AND released_at IS NULL RETURNING *;

-- name: sender_update (reference)
UPDATE sender
   SET address = $2, country = $3, kind = $4, capabilities = $5, friendly_name = $6, carrier = $7, sms_url = $8, sms_method = $9,
       sms_fallback_url = $10, sms_fallback_method = $11, status_callback = $12, settings = $13, updated_at = $14
 WHERE id = $1 RETURNING *;

-- name: sender_release_nameless (reference)
-- Names live in their pools only: one that has left its pool is gone.
UPDATE sender AS n SET released_at = $2, updated_at = $2
 WHERE n.released_at IS NULL AND n.kind IN ('alphanumeric', 'destination_alpha')
   AND n.id IN (SELECT sender_id FROM pool_member WHERE service_id = $1)
   AND n.id NOT IN (SELECT sender_id FROM pool_member WHERE service_id = $1 AND removed_at IS NULL);

-- name: sender_release (reference)
UPDATE sender SET released_at = $2, updated_at = $2 WHERE id = $1;

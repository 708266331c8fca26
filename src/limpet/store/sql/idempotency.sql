-- Customers' own keys for requests.

-- name: idempotency_claim (hot)
-- Whoever comes first makes the message; another waits here for the first one's commit. In the order of the keys, before anything
-- else is locked, so that two batches cannot wait for each other.
INSERT INTO idempotency_key (bucket, account_id, key, form_hash, message_bucket, message_id)
SELECT k.* FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::smallint[], $6::bigint[])
                AS k (bucket, account_id, key, form_hash, message_bucket, message_id)
 ORDER BY k.bucket, k.account_id, k.key COLLATE "C"
    ON CONFLICT (bucket, account_id, key) DO NOTHING
RETURNING bucket, account_id, key;

-- name: idempotency_find (hot)
SELECT i.* FROM idempotency_key i
  JOIN unnest($1::smallint[], $2::integer[], $3::text[]) AS k (bucket, account_id, key)
    ON i.bucket = ANY ($1) AND i.bucket = k.bucket AND i.account_id = k.account_id AND i.key = k.key;

-- name: idempotency_give_back (hot)
-- The request was refused: its key may be used again.
DELETE FROM idempotency_key AS i
 USING unnest($1::smallint[], $2::integer[], $3::text[]) AS k (bucket, account_id, key)
 WHERE i.bucket = ANY ($1) AND i.bucket = k.bucket AND i.account_id = k.account_id AND i.key = k.key;

-- name: idempotency_purge (fan-out)
DELETE FROM idempotency_key WHERE message_id < $1;

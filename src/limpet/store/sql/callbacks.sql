-- Callbacks that are owed.

-- name: callback_insert (hot)
-- Beside the change that it tells of.
INSERT INTO status_callback (bucket, id, account_id, message_id, url, payload, due_at, attempt, kind, method,
                             fallback_url, fallback_method, payload_kept)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::smallint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[]);

-- name: callback_done (hot)
-- Taken by the customer, or given up.
DELETE FROM status_callback AS c
 USING unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE c.bucket = ANY ($1) AND c.bucket = k.bucket AND c.id = k.id;

-- name: callback_postpone (hot)
UPDATE status_callback AS c SET attempt = k.attempt, due_at = k.due_at
  FROM unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::timestamptz[]) AS k (bucket, id, attempt, due_at)
 WHERE c.bucket = ANY ($1) AND c.bucket = k.bucket AND c.id = k.id;

-- name: callback_claim (fan-out)
-- What nobody has posted while it was leased. `due_at` is looked at again in the UPDATE: of two who found a row, the second
-- waits for the first, sees it moved ahead and leaves it.
WITH due AS MATERIALIZED (
    SELECT bucket, id FROM status_callback WHERE due_at <= $1 ORDER BY due_at, id LIMIT $3
)
UPDATE status_callback AS c SET due_at = $2
  FROM due
 WHERE c.bucket = due.bucket AND c.id = due.id AND c.due_at <= $1
RETURNING c.bucket, c.id, c.account_id, c.message_id, c.url, c.payload, c.due_at, c.attempt, c.kind, c.method,
          c.fallback_url, c.fallback_method, c.payload_kept;

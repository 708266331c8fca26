-- What was on its way when a backup was taken: held at the restore, until an operator decides.

-- name: held_claims_all (fan-out)
-- Everything that any lane had claimed and not seen answered.
SELECT buckets, ids FROM claim;

-- name: held_claims_clear (fan-out)
DELETE FROM claim;

-- name: held_take_due (fan-out)
-- What could have gone already, of the messages that have a sender.
DELETE FROM message_due WHERE lane <> '' AND due_at <= $1 RETURNING bucket, id;

-- name: held_put_off (fan-out)
-- What could have got a sender already waits until $2, and is valid so long.
UPDATE message_due SET due_at = $2, expires_at = $2 WHERE lane = '' AND due_at <= $1;

-- name: held_doubt (hot)
-- Nobody knows whether these left, from their creation on.
UPDATE message AS m
   SET status = 'sending', in_doubt_at = $3, fence = coalesce(m.fence, 0), claimed_at = coalesce(m.claimed_at, k.made_at)
  FROM unnest($1::smallint[], $2::bigint[], $4::timestamptz[]) AS k (bucket, id, made_at)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status IN ('queued', 'sending')
RETURNING m.bucket, m.id;

-- name: held_keys (hot)
-- What is held of messages that have a sender; of some it may be known by now what became of them.
SELECT id, buckets, ids FROM claim WHERE bucket = $1 AND lane = $2 ORDER BY id;

-- name: held_still (hot)
SELECT m.bucket, m.id, m.account_id FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
  JOIN message m ON m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id
 WHERE m.status = 'sending' AND m.in_doubt_at IS NOT NULL;

-- name: held_unbound (fan-out)
-- How many are held that have no sender yet.
SELECT count(*) FROM message_due WHERE lane = '' AND due_at = $1;

-- name: held_let_go (hot)
-- Back into the queue, valid until $3.
UPDATE message AS m
   SET status = 'queued', in_doubt_at = NULL, carrier_message_ids = NULL, segment_states = NULL, expires_at = $3
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = 'sending' AND m.in_doubt_at IS NOT NULL
RETURNING m.bucket, m.id, m.lane;

-- name: held_unbound_valid (fan-out)
-- What is held without a sender is valid until $2: a lane that has no room when it is bound lets it wait so long.
UPDATE message AS m SET expires_at = $2
  FROM message_due AS d WHERE d.bucket = m.bucket AND d.id = m.id AND d.lane = '' AND d.due_at = $1;

-- name: held_unbound_let_go (fan-out)
UPDATE message_due SET due_at = $2, expires_at = $3 WHERE lane = '' AND due_at = $1;

-- name: held_tables (reference)
-- Whether there is anything here at all.
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S');

-- name: held_analyze (reference)
ANALYZE;

-- What waits, who has claimed it, and what the carrier answered.

-- name: lane_lease (reference)
-- Take or renew a lane; answers its fence, which grows with each new owner. Leases are judged by the database's clock, so that
-- two processes whose clocks differ cannot both hold one.
INSERT INTO lane AS l (name, owner, fence, expires_at) VALUES ($1, $2, 1, now() + $3::interval)
    ON CONFLICT (name) DO UPDATE
   SET owner = excluded.owner, expires_at = excluded.expires_at, fence = l.fence + CASE WHEN l.owner = excluded.owner THEN 0 ELSE 1 END
 WHERE l.owner = excluded.owner OR l.expires_at < now() OR $4
RETURNING fence;

-- name: lane_release (reference)
UPDATE lane SET expires_at = now() WHERE name = $1 AND owner = $2;

-- name: due_insert (hot)
INSERT INTO message_due (bucket, id, lane, due_at, expires_at)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[])
    ON CONFLICT (bucket, id) DO NOTHING;

-- name: due_find (fan-out)
-- What a lane may send next, in the order in which it became due.
SELECT bucket, id FROM message_due WHERE lane = $1 AND due_at <= $2 AND expires_at > $2 ORDER BY due_at, id LIMIT $3;

-- name: due_next (fan-out)
-- When the next message of a lane becomes due, so that nobody needs to look before.
SELECT min(due_at) FROM message_due WHERE lane = $1;

-- name: due_expired (fan-out)
-- What has waited for longer than it is valid.
SELECT bucket, id FROM message_due WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2;

-- name: due_take (hot)
-- Take messages out of the queue; whoever gets a row back owns it.
DELETE FROM message_due AS d
 USING unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE d.bucket = ANY ($1) AND d.bucket = k.bucket AND d.id = k.id
RETURNING d.bucket, d.id;

-- name: messages_by_key (hot)
SELECT m.* FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
  JOIN message m ON m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id
 ORDER BY m.id;

-- name: message_claim (hot)
-- The claim is the intent: it is committed before the first byte leaves.
UPDATE message AS m
   SET status = 'sending', lane = $3, fence = $4, attempt = m.attempt + 1, claimed_at = $5, in_doubt_at = NULL
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = 'queued'
RETURNING m.*;

-- name: claim_insert (hot)
-- One row for a batch of claims: after a crash it names every message that may be in doubt, without an index on what changes.
INSERT INTO claim (bucket, id, lane, fence, buckets, ids) VALUES ($1, $2, $3, $4, $5, $6);

-- name: claim_done (hot)
DELETE FROM claim WHERE bucket = ANY ($1::smallint[]) AND id = ANY ($2::bigint[]);

-- name: claims_left (hot)
-- What former owners of a lane had claimed and not seen answered.
SELECT id, buckets, ids FROM claim WHERE bucket = $1 AND lane = $2 AND fence < $3 ORDER BY id;

-- name: message_sent (hot)
-- The carrier took it. Fenced: a result of a former owner or attempt changes nothing.
UPDATE message AS m
   SET status = 'sent', sent_at = $6, updated_at = $6, in_doubt_at = NULL, carrier_message_ids = string_to_array(k.carrier_ids, E'\x1f')
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::text[]) AS k (bucket, id, fence, attempt, carrier_ids)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id
   AND m.status = 'sending' AND m.fence = k.fence AND m.attempt = k.attempt
RETURNING m.bucket, m.id;

-- name: message_requeue (hot)
-- Back to the queue, to be tried again. An attempt that never left is taken back.
UPDATE message AS m
   SET status = 'queued', in_doubt_at = NULL, attempt = m.attempt - k.taken_back, carrier_message_ids = NULL, segment_states = NULL
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[]) AS k (bucket, id, fence, attempt, taken_back)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id
   AND m.status = 'sending' AND m.fence = k.fence AND m.attempt = k.attempt
RETURNING m.bucket, m.id, m.lane, m.expires_at;

-- name: message_fail (hot)
-- Failed before it left. $5 names the states that may fail so; fence and attempt count only where they are given.
UPDATE message AS m
   SET status = 'failed', error_code = k.error_code, updated_at = $6, in_doubt_at = NULL
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $7::integer[]) AS k (bucket, id, fence, attempt, error_code)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = ANY ($5::text[])
   AND (k.fence IS NULL OR m.fence = k.fence AND m.attempt = k.attempt)
RETURNING m.*;

-- name: message_doubt (hot)
-- Bytes may have left and no answer came. Of a message of several segments it is kept which ones the carrier has taken.
UPDATE message AS m SET in_doubt_at = $5, carrier_message_ids = string_to_array(k.carrier_ids, E'\x1f')
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::text[]) AS k (bucket, id, fence, carrier_ids)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = 'sending' AND m.fence = k.fence
RETURNING m.*;

-- name: message_adopt (hot)
-- What a former owner of the lane left without an answer now belongs to this one.
UPDATE message AS m SET in_doubt_at = coalesce(m.in_doubt_at, $5), fence = $3
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = 'sending' AND m.fence < $3 AND m.lane = $4
RETURNING m.*;

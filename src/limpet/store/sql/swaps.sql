-- A number takes another one's place in its pool.

-- name: swap_insert (reference)
INSERT INTO number_swap (account_id, service_id, old_member_id, new_member_id, state, actor, created_at, updated_at, notify_body,
                         notify_days, notify_per_s)
SELECT $1, $2, o.id, n.id, 'registering', $5, $6, $6, $7, $8, $9
  FROM pool_member o, pool_member n
 WHERE o.id = $3 AND n.id = $4 AND o.removed_at IS NULL AND n.removed_at IS NULL AND o.service_id = $2 AND n.service_id = $2
    ON CONFLICT (old_member_id) WHERE state IN ('registering', 'moving', 'finishing') DO NOTHING
RETURNING id;

-- name: swap_by_id (reference)
SELECT w.*, s.space_id, os.sid AS old_sid, os.address AS old_number, ns.sid AS new_sid, ns.address AS new_number,
       o.removed_at IS NULL AS old_is_in, n.removed_at IS NULL AS new_is_in, n.clearance, n.state AS new_state,
       (SELECT r.stage FROM number_registration r WHERE r.member_id = n.id ORDER BY r.id DESC LIMIT 1) AS stage
  FROM number_swap w JOIN service s ON s.id = w.service_id
  JOIN pool_member o ON o.id = w.old_member_id JOIN sender os ON os.id = o.sender_id
  JOIN pool_member n ON n.id = w.new_member_id JOIN sender ns ON ns.id = n.sender_id
 WHERE w.id = $1;

-- name: swap_of_number (reference)
SELECT w.id FROM number_swap w JOIN pool_member o ON o.id = w.old_member_id JOIN sender n ON n.id = o.sender_id
 WHERE w.service_id = $1 AND n.sid = $2 ORDER BY w.id DESC LIMIT 1;

-- name: swaps_open (reference)
SELECT id FROM number_swap WHERE state IN ('registering', 'moving', 'finishing', 'telling') ORDER BY updated_at, id LIMIT $1;

-- name: swap_hold (reference)
UPDATE number_swap SET state = state WHERE id = $1 RETURNING id;

-- name: swap_advance (reference)
UPDATE number_swap SET state = $3, progress = $4, moved = moved + $5, reason = $6, updated_at = $7, to_tell = to_tell + $8
 WHERE id = $1 AND state = $2 RETURNING id;

-- name: swap_pace (reference)
-- How far the telling is, and until when it waits.
UPDATE number_swap SET progress = $2, paced_until = $3, updated_at = $4 WHERE id = $1;

-- name: swap_told (reference)
UPDATE number_swap SET told = told + $2, untold = untold + $3, updated_at = $4 WHERE id = $1;

-- name: member_retire (reference)
UPDATE pool_member SET retiring = $2 WHERE id = $1 AND removed_at IS NULL;

-- name: swap_move (hot)
-- People of one bucket from a member to another, as they were: days of use and all; those that the service has alone, and its
-- space's. They are held in the order in which every batch of messages holds them, so that none deadlocks.
WITH held AS MATERIALIZED (
    SELECT o.bucket, o.service_id, o.recipient FROM sticky_mapping o
     WHERE o.bucket = $1 AND o.service_id = ANY ($2::integer[]) AND o.member_id = $3
     ORDER BY o.service_id, o.recipient LIMIT $5 FOR UPDATE
)
UPDATE sticky_mapping AS m SET member_id = $4
  FROM held
 WHERE m.bucket = $1 AND m.bucket = held.bucket AND m.service_id = held.service_id AND m.recipient = held.recipient
   AND m.member_id = $3
RETURNING m.service_id, m.recipient, m.last_used_day;

-- name: swap_notices_insert (hot)
-- People who are to be told that they have another number: each once, also where somebody came to the old one again.
INSERT INTO swap_notice (bucket, swap_id, recipient)
SELECT $1::smallint, $2::integer, k.recipient FROM unnest($3::text[]) AS k (recipient)
    ON CONFLICT (bucket, swap_id, recipient) DO NOTHING
RETURNING recipient;

-- name: swap_notices (hot)
-- Who is still to be told, within a bucket.
SELECT recipient, tried_at FROM swap_notice WHERE bucket = $1 AND swap_id = $2 ORDER BY recipient LIMIT $3;

-- name: swap_notices_try (hot)
-- From now on a message may have been made: the first time counts.
UPDATE swap_notice SET tried_at = coalesce(tried_at, $4)
 WHERE bucket = $1 AND swap_id = $2 AND recipient = ANY ($3::text[]);

-- name: swap_notices_forget (hot)
DELETE FROM swap_notice WHERE bucket = $1 AND swap_id = $2 AND recipient = ANY ($3::text[]);

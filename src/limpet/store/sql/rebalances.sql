-- People who are moved to another number so that a pool's people spread by weight: the plan, the moves, and the way back.

-- name: rebalance_insert (reference)
-- A plan; none while people of the service are moved, or were since it was begun: it would move them again.
INSERT INTO sticky_rebalance (sid, service_id, credential, reason, idle_days, percent, max_moves, per_second, state, people,
                              estimated, members, planned, paced_until, created_at, updated_at)
SELECT $1::text, $2::integer, $3::text, $4::text, $5::smallint, $6::smallint, $7::integer, $8::smallint, 'planned', $9::bigint,
       $10::boolean, $11::jsonb, $12::bigint, $13::timestamptz, $13::timestamptz, $13::timestamptz
 WHERE NOT EXISTS (SELECT FROM sticky_rebalance o
                    WHERE o.service_id = $2
                      AND (o.state IN ('running', 'paused', 'undoing') OR o.state IN ('done', 'undone') AND o.updated_at > $13))
RETURNING *;

-- name: rebalance_quotas_insert (reference)
INSERT INTO sticky_rebalance_quota (rebalance_id, place, member_before, member_after, planned)
SELECT $1::integer, * FROM unnest($2::text[], $3::integer[], $4::integer[], $5::bigint[]);

-- name: rebalance_by_sid (reference)
SELECT * FROM sticky_rebalance WHERE sid = $1 AND service_id = $2;

-- name: rebalance_page_down (reference)
-- A service's rebalances, newest first.
SELECT * FROM sticky_rebalance WHERE service_id = $1 AND id < $2::bigint ORDER BY id DESC LIMIT $3;

-- name: rebalance_page_up (reference)
SELECT * FROM sticky_rebalance WHERE service_id = $1 AND id > $2::bigint ORDER BY id LIMIT $3;

-- name: rebalance_moves (reference)
-- From which number to which, all sorts of places together.
SELECT b.address AS before, a.address AS after, sum(q.planned)::bigint AS planned, sum(q.moved)::bigint AS moved
  FROM sticky_rebalance_quota q
  JOIN pool_member mb ON mb.id = q.member_before JOIN sender b ON b.id = mb.sender_id
  JOIN pool_member ma ON ma.id = q.member_after JOIN sender a ON a.id = ma.sender_id
 WHERE q.rebalance_id = $1 GROUP BY b.address, a.address ORDER BY planned DESC, b.address, a.address;

-- name: rebalance_change (reference)
-- What a person asks of it, if it is in a state in which that can be asked. A walk begins at the first bucket. Once people are moved
-- there or back, other plans of the service are about people who are not there any more.
WITH others AS (
    UPDATE sticky_rebalance AS o SET state = 'canceled', updated_at = $4
      FROM sticky_rebalance t
     WHERE $3 IN ('running', 'undoing') AND t.id = $1 AND t.state = ANY ($2::text[]) AND o.service_id = t.service_id
       AND o.id <> t.id AND o.state = 'planned')
UPDATE sticky_rebalance
   SET state = $3, updated_at = $4, progress = CASE WHEN $3 = 'undoing' THEN 0 ELSE progress END
 WHERE id = $1 AND state = ANY ($2::text[])
RETURNING *;

-- name: rebalances_at_work (reference)
SELECT id FROM sticky_rebalance WHERE state IN ('running', 'undoing') ORDER BY updated_at, id LIMIT $1;

-- name: rebalance_hold (reference)
-- One step at a time, whoever makes it.
UPDATE sticky_rebalance SET state = state WHERE id = $1 RETURNING *;

-- name: rebalance_quotas_open (reference)
SELECT place, member_before, member_after, planned, moved FROM sticky_rebalance_quota
 WHERE rebalance_id = $1 AND moved < planned ORDER BY place, member_before, member_after;

-- name: rebalance_quotas_took (reference)
UPDATE sticky_rebalance_quota AS q SET moved = q.moved + k.moved
  FROM unnest($2::text[], $3::integer[], $4::integer[], $5::bigint[]) AS k (place, member_before, member_after, moved)
 WHERE q.rebalance_id = $1 AND q.place = k.place AND q.member_before = k.member_before AND q.member_after = k.member_after;

-- name: rebalance_advance (reference)
UPDATE sticky_rebalance
   SET state = $2, progress = $3, moved = moved + $4, undone = undone + $5, paced_until = $6, updated_at = $7,
       skipped = CASE WHEN $2 = 'done' THEN planned - moved - $4 ELSE skipped END
 WHERE id = $1;

-- name: rebalance_people (hot)
-- A service's mappings in some buckets that count, for a plan; one that is pinned does not age.
SELECT recipient, member_id, last_used_day, created_day, flags
  FROM sticky_mapping
 WHERE bucket = ANY ($1::smallint[]) AND service_id = $2 AND (last_used_day >= $3::integer OR flags & 4 = 4);

-- name: rebalance_idle (hot)
-- People of some members within a bucket, on from one, whose mapping was not used lately, nor was there any other message from
-- or to them ($6 is the oldest id that would be one).
SELECT m.recipient, m.member_id, m.last_used_day, m.created_day, m.flags
  FROM sticky_mapping m
 WHERE m.bucket = $1 AND m.service_id = $2 AND m.recipient > $3::text AND m.member_id = ANY ($4::integer[])
   AND m.last_used_day <= $5::integer AND m.flags & 4 = 0
   AND NOT EXISTS (SELECT FROM message AS o
                    WHERE o.bucket = $1 AND o.recipient = m.recipient AND o.id >= $6::bigint
                      AND (SELECT $2 IN (s.id, s.space_id) FROM service s WHERE s.id = o.service_id))
 ORDER BY m.recipient LIMIT $7;

-- name: rebalance_move (hot)
-- Another number for people of a bucket whose mapping is still as it was read; all else of it stays. They are held in the order in
-- which every batch of messages holds them, so that none deadlocks. Who it was is kept for an undoing.
WITH held AS MATERIALIZED (
       SELECT o.recipient, o.created_day, k.member_before, k.member_after
         FROM sticky_mapping o
         JOIN unnest($4::text[], $5::integer[], $6::integer[], $7::integer[]) AS k (recipient, member_before, day, member_after)
              ON k.recipient = o.recipient
        WHERE o.bucket = $1 AND o.service_id = $3 AND o.recipient = k.recipient AND o.member_id = k.member_before
          AND o.last_used_day = k.day AND o.flags & 4 = 0
        ORDER BY o.recipient FOR UPDATE OF o),
     moved AS (
       UPDATE sticky_mapping AS m SET member_id = h.member_after
         FROM held h
        WHERE m.bucket = $1 AND m.service_id = $3 AND m.recipient = h.recipient AND m.member_id = h.member_before
       RETURNING m.recipient, h.member_before, h.member_after, m.created_day),
     kept AS (
       INSERT INTO sticky_rebalance_move (bucket, rebalance_id, recipient, member_before, member_after, created_day)
       SELECT $1::smallint, $2::integer, w.recipient, w.member_before, w.member_after, w.created_day FROM moved w
           ON CONFLICT (bucket, rebalance_id, recipient) DO NOTHING)
SELECT recipient FROM moved;

-- name: rebalance_moved (hot)
-- People of a bucket whom a rebalance moved.
SELECT recipient FROM sticky_rebalance_move WHERE bucket = $1 AND rebalance_id = $2 ORDER BY recipient LIMIT $3;

-- name: rebalance_undo (hot)
-- Back to the number before for those who still are where the rebalance put them, are not held there by hand, and whose two numbers
-- are in the pool as they were then.
WITH gone AS (
       DELETE FROM sticky_rebalance_move AS g
        WHERE g.bucket = $1 AND g.rebalance_id = $2 AND g.recipient = ANY ($4::text[])
       RETURNING g.recipient, g.member_before, g.member_after, g.created_day),
     held AS MATERIALIZED (
       SELECT o.recipient, k.member_before, k.member_after
         FROM sticky_mapping o
         JOIN gone k ON k.recipient = o.recipient
         JOIN pool_member b ON b.id = k.member_before AND b.removed_at IS NULL
         JOIN pool_member a ON a.id = k.member_after AND a.removed_at IS NULL
        WHERE o.bucket = $1 AND o.service_id = $3 AND o.recipient = ANY ($4::text[]) AND o.member_id = k.member_after
          AND o.created_day = k.created_day AND o.flags & 4 = 0
        ORDER BY o.recipient FOR UPDATE OF o)
UPDATE sticky_mapping AS m SET member_id = h.member_before
  FROM held h
 WHERE m.bucket = $1 AND m.service_id = $3 AND m.recipient = h.recipient AND m.member_id = h.member_after
RETURNING m.recipient, h.member_before, h.member_after;

-- name: rebalances_left (reference)
-- Those that nobody has touched for long.
SELECT id FROM sticky_rebalance WHERE updated_at < $1 AND state IN ('planned', 'paused', 'done', 'canceled') ORDER BY id LIMIT $2;

-- name: rebalance_settle (reference)
UPDATE sticky_rebalance SET state = 'settled', updated_at = $2
 WHERE id = $1 AND state IN ('planned', 'paused', 'done', 'canceled');

-- name: rebalance_forget_moves (fan-out)
DELETE FROM sticky_rebalance_move WHERE bucket = ANY ($1::smallint[]) AND rebalance_id = $2;

-- How numbers fare: what became of their messages hour by hour, and what services make of it.

-- name: health_count (reference)
-- What final statuses say of their senders, the last statement of its transaction; in the order of the keys, so that no two
-- processes deadlock.
INSERT INTO member_hour AS h (member_id, hour, delivered, undelivered, filtered, opted_out)
SELECT k.member_id, k.hour, k.delivered, k.undelivered, k.filtered, 0
  FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::integer[], $5::integer[])
       AS k (member_id, hour, delivered, undelivered, filtered)
 ORDER BY k.member_id, k.hour
    ON CONFLICT (member_id, hour) DO UPDATE
   SET delivered = h.delivered + excluded.delivered, undelivered = h.undelivered + excluded.undelivered,
       filtered = h.filtered + excluded.filtered;

-- name: health_opted_out (reference)
-- People answered STOP to these numbers, each named as often as that happened.
INSERT INTO member_hour AS h (member_id, hour, delivered, undelivered, filtered, opted_out)
SELECT m.id, $1, 0, 0, 0, count(*)
  FROM unnest($2::text[]) AS k (address)
  JOIN sender n ON n.address = k.address AND n.released_at IS NULL
  JOIN pool_member m ON m.sender_id = n.id AND m.removed_at IS NULL
 GROUP BY m.id ORDER BY m.id
    ON CONFLICT (member_id, hour) DO UPDATE SET opted_out = h.opted_out + excluded.opted_out;

-- name: health_read (reference)
-- Members with their hours since $1, a row an hour, or one row without; with $2 only those that were used since then, or fail, with
-- $3 those of one service, with $4 one member.
SELECT m.id AS member_id, m.service_id, m.failing_since, s.sid AS service_sid, a.id AS account_id, a.sid AS account_sid,
       n.sid AS sender_sid, n.address, p.avoid_unhealthy, p.delivery_rate_min, p.filtered_rate_max, p.opt_out_rate_max,
       p.messages_min, h.hour, h.delivered, h.undelivered, h.filtered, h.opted_out
  FROM pool_member m
  JOIN service s ON s.id = m.service_id AND s.deleted_at IS NULL
  JOIN sender n ON n.id = m.sender_id
  JOIN account a ON a.id = s.account_id
  LEFT JOIN service_health p ON p.service_id = s.id
  LEFT JOIN member_hour h ON h.member_id = m.id AND h.hour >= $1
 WHERE m.removed_at IS NULL
   AND ($2::integer IS NULL OR m.failing_since IS NOT NULL OR m.id IN (SELECT u.member_id FROM member_hour u WHERE u.hour >= $2))
   AND ($3::text IS NULL OR s.sid = $3) AND ($4::integer IS NULL OR m.id = $4)
 ORDER BY m.id, h.hour;

-- name: health_mark (reference)
-- A member fails from now on, or no more; nothing where another process has said so already, or it has left the pool.
UPDATE pool_member SET failing_since = $2
 WHERE id = $1 AND removed_at IS NULL AND (failing_since IS NULL) = ($2::timestamptz IS NOT NULL) RETURNING service_id;

-- name: health_policy (reference)
SELECT avoid_unhealthy, delivery_rate_min, filtered_rate_max, opt_out_rate_max, messages_min
  FROM service_health WHERE service_id = $1;

-- name: health_policy_set (reference)
INSERT INTO service_health (service_id, avoid_unhealthy, delivery_rate_min, filtered_rate_max, opt_out_rate_max, messages_min)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (service_id) DO UPDATE
   SET avoid_unhealthy = excluded.avoid_unhealthy, delivery_rate_min = excluded.delivery_rate_min,
       filtered_rate_max = excluded.filtered_rate_max, opt_out_rate_max = excluded.opt_out_rate_max,
       messages_min = excluded.messages_min;

-- name: health_forget (reference)
-- Housekeeping: hours that no window reaches any more.
DELETE FROM member_hour WHERE hour < $1;

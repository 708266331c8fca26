-- Which senders carriers refuse for a country; what operators want of carriers, and how their lanes are.

-- name: refused_mark (reference)
-- A carrier refuses a member for a country; answers those of which that was not known.
INSERT INTO member_refused AS r (member_id, country, error_code, until_day, refused_at)
SELECT k.member_id, k.country, k.error_code, $5, $6
  FROM unnest($1::integer[], $2::text[], $3::integer[]) AS k (member_id, country, error_code)
 ORDER BY k.member_id, k.country
    ON CONFLICT (member_id, country) DO UPDATE
   SET error_code = excluded.error_code, until_day = excluded.until_day, refused_at = excluded.refused_at
 WHERE r.until_day <= $4
RETURNING member_id;

-- name: refused_changed (reference)
-- The pools of these members are others now.
WITH changed AS (
    UPDATE service AS s SET generation = s.generation + 1
      FROM pool_member m WHERE m.id = ANY ($1::integer[]) AND m.removed_at IS NULL AND s.id = m.service_id
    RETURNING s.space_id)
UPDATE sticky_space SET generation = generation + 1 WHERE id IN (SELECT space_id FROM changed);

-- name: refused_list (reference)
-- The refusals that count, of one service or of all, newest first.
SELECT a.sid AS account_sid, s.sid AS service_sid, n.address, n.carrier, r.country, r.error_code, r.until_day, r.refused_at
  FROM member_refused r
  JOIN pool_member m ON m.id = r.member_id AND m.removed_at IS NULL
  JOIN service s ON s.id = m.service_id
  JOIN sender n ON n.id = m.sender_id
  JOIN account a ON a.id = n.account_id
 WHERE r.until_day > $1 AND ($2::text IS NULL OR s.sid = $2)
 ORDER BY r.refused_at DESC, r.member_id, r.country LIMIT $3;

-- name: refused_clear (reference)
-- An operator knows better: the number may be tried again, for one country or for all.
DELETE FROM member_refused AS r
 USING pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE r.member_id = m.id AND m.removed_at IS NULL AND n.address = $1 AND ($2::text IS NULL OR r.country = $2)
RETURNING r.member_id;

-- name: refused_purge (reference)
-- Housekeeping: what no read honours any more.
DELETE FROM member_refused WHERE until_day <= $1;

-- name: carrier_mode_set (reference)
-- The same wish again changes nothing: a carrier drains since it was first told to.
INSERT INTO carrier_mode AS c (name, mode, changed_at) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET mode = excluded.mode, changed_at = excluded.changed_at WHERE c.mode <> excluded.mode;

-- name: carrier_mode_clear (reference)
DELETE FROM carrier_mode WHERE name = $1;

-- name: carrier_modes (reference)
SELECT name, mode, changed_at FROM carrier_mode;

-- name: lane_health_tell (reference)
-- What the owner of lanes says of them; `since` moves only with the change that it dates.
INSERT INTO lane_health AS h (lane, bound, since, seen_at, owner, in_flight, window_size, submits_per_s, receipts_per_s,
                              throttles, last_error, last_error_at)
SELECT k.lane, k.bound, $1, $1, $2, k.in_flight, k.window_size, k.submits, k.receipts, k.throttles, k.error, k.error_at
  FROM unnest($3::text[], $4::boolean[], $5::integer[], $6::integer[], $7::real[], $8::real[], $9::bigint[], $10::text[],
              $11::timestamptz[]) AS k (lane, bound, in_flight, window_size, submits, receipts, throttles, error, error_at)
 ORDER BY k.lane
    ON CONFLICT (lane) DO UPDATE
   SET bound = excluded.bound, since = CASE WHEN h.bound = excluded.bound THEN h.since ELSE excluded.since END,
       seen_at = excluded.seen_at, owner = excluded.owner, in_flight = excluded.in_flight, window_size = excluded.window_size,
       submits_per_s = excluded.submits_per_s, receipts_per_s = excluded.receipts_per_s, throttles = excluded.throttles,
       last_error = coalesce(excluded.last_error, h.last_error), last_error_at = coalesce(excluded.last_error_at, h.last_error_at);

-- name: lane_health_all (reference)
SELECT * FROM lane_health ORDER BY lane;

-- name: lanes_waiting (fan-out)
-- How many messages wait for each lane, and since when: for operators who look.
SELECT lane, count(*) AS waiting, min(due_at) AS oldest FROM message_due WHERE lane = ANY ($1::text[]) GROUP BY lane;

-- name: senders_have_others (reference)
-- Whether any sender names carriers of its own that may take its messages.
SELECT EXISTS (SELECT FROM sender WHERE also_through IS NOT NULL AND also_through <> '{}' AND released_at IS NULL);

-- name: sender_set_also_through (reference)
UPDATE sender SET also_through = $3, updated_at = $4 WHERE account_id = $1 AND sid = $2 AND released_at IS NULL RETURNING *;

-- name: due_find_before (fan-out)
-- What a draining lane still sends: what was accepted before it began to drain.
SELECT bucket, id FROM message_due
 WHERE lane = $1 AND due_at <= $2 AND expires_at > $2 AND id < $4 ORDER BY due_at, id LIMIT $3;

-- name: due_walk (fan-out)
-- What waits for a lane, from a place on: for whoever takes its messages elsewhere.
SELECT bucket, id, due_at FROM message_due
 WHERE lane = $1 AND (due_at, id) > ($2, $3::bigint) ORDER BY due_at, id LIMIT $4;

-- name: due_ways (hot)
-- What routing wants to know of waiting messages. One whose sender was given up meanwhile stays where it is.
SELECT m.bucket, m.id, m.recipient, n.address, n.carrier, n.country, n.also_through
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
  JOIN message m ON m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = 'queued'
  JOIN LATERAL (
       SELECT s.address, s.carrier, s.country, s.also_through FROM sender s
        WHERE s.account_id = m.account_id AND s.address = m.sender AND s.released_at IS NULL
        ORDER BY s.id DESC LIMIT 1) AS n ON true;

-- name: due_move (hot)
-- Into another lane's queue, only out of the one that it was found in: whoever has taken a message out keeps it.
UPDATE message_due AS d SET lane = k.lane
  FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[]) AS k (bucket, id, lane_before, lane)
 WHERE d.bucket = ANY ($1) AND d.bucket = k.bucket AND d.id = k.id AND d.lane = k.lane_before
RETURNING d.bucket, d.id, d.lane;

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
UPDATE service AS s SET generation = s.generation + 1
  FROM pool_member m WHERE m.id = ANY ($1::integer[]) AND m.removed_at IS NULL AND s.id = m.service_id;

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

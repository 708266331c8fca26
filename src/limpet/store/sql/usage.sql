-- What accounts have used, counted from their messages.

-- name: usage_account_ids (reference)
-- An account and its sub-accounts.
SELECT id FROM account WHERE sid = $1 OR owner_sid = $1;

-- name: usage_days (fan-out)
-- Messages and segments of each day (since 2020-01-01), way and kind. No more than $4 messages are looked at: what comes back tells
-- whether that was all. An id begins with its time in milliseconds.
SELECT m.day, m.inbound, m.media, count(*) AS seen, count(*) FILTER (WHERE m.left_us) AS messages,
       coalesce(sum(m.num_segments) FILTER (WHERE m.left_us), 0) AS segments
  FROM (SELECT ((id >> 21) / 86400000)::integer AS day, direction = 'inbound' AS inbound, num_media > 0 AS media, num_segments,
               direction = 'inbound' OR sent_at IS NOT NULL AS left_us
          FROM message WHERE account_id = ANY ($1::integer[]) AND id >= $2 AND id < $3 LIMIT $4) AS m
 GROUP BY m.day, m.inbound, m.media ORDER BY m.day;

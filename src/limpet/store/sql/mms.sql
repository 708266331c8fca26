-- Messages that go out with their media, and inbound ones that came before.

-- name: mms_insert (hot)
INSERT INTO message_mms (bucket, message_id, carried, link)
SELECT k.* FROM unnest($1::smallint[], $2::bigint[], $3::boolean[], $4::text[]) AS k (bucket, message_id, carried, link);

-- name: mms_wanted (hot)
-- Which of these messages are to go with media, and what may stand for those.
SELECT w.bucket, w.message_id, w.link
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
  JOIN message_mms w ON w.bucket = ANY ($1) AND w.bucket = k.bucket AND w.message_id = k.id;

-- name: mms_carry (hot)
UPDATE message_mms AS w SET carried = true
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE w.bucket = ANY ($1) AND w.bucket = k.bucket AND w.message_id = k.id;

-- name: mms_carried (hot)
-- Which of these messages go with media, and with which ones; one row each where there are none.
SELECT w.bucket, w.message_id, d.url
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
  JOIN message_mms w ON w.bucket = ANY ($1) AND w.bucket = k.bucket AND w.message_id = k.id AND w.carried
  LEFT JOIN message_media d ON d.bucket = ANY ($1) AND d.bucket = k.bucket AND d.message_id = k.id
 ORDER BY w.bucket, w.message_id, d.position;

-- name: mms_delete (hot)
DELETE FROM message_mms WHERE bucket = $1 AND message_id = $2;

-- name: inbound_seen_insert (hot)
-- Whoever writes an inbound message's id first keeps the message; another one waits here for the first one's commit.
INSERT INTO inbound_seen (bucket, carrier, carrier_message_id, message_id)
SELECT k.* FROM unnest($1::smallint[], $2::text[], $3::text[], $4::bigint[]) AS k (bucket, carrier, carrier_message_id, message_id)
 ORDER BY k.bucket, k.carrier COLLATE "C", k.carrier_message_id COLLATE "C"
    ON CONFLICT (bucket, carrier, carrier_message_id) DO NOTHING
RETURNING bucket, message_id;

-- name: inbound_seen_purge (fan-out)
DELETE FROM inbound_seen WHERE message_id < $1;

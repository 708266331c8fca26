-- What is not kept of messages goes.

-- name: message_forget (hot)
-- The text of messages that are marked so, what a carrier has said beside it; and, where a pseudonym is given, the recipient's number. Answers what may have to be
-- noted in mappings before nobody finds it any more.
UPDATE message AS m
   SET body = CASE WHEN m.marks & 1 = 1 THEN '' ELSE m.body END,
       recipient = coalesce(k.pseudonym, m.recipient), tlvs = NULL,
       marks = CASE WHEN k.pseudonym IS NULL THEN m.marks ELSE m.marks | 8 END
  FROM unnest($1::smallint[], $2::bigint[], $3::text[]) AS k (bucket, id, pseudonym)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id
RETURNING m.bucket, m.id, m.service_id, m.member_id, m.sticky, m.status;

-- name: media_forget (hot)
-- Where the media are goes with the text.
DELETE FROM message_media AS d
 USING unnest($1::smallint[], $2::bigint[]) AS k (bucket, message_id)
 WHERE d.bucket = ANY ($1) AND d.bucket = k.bucket AND d.message_id = k.message_id;

-- name: mms_forget (hot)
-- And so does what might have stood for them.
DELETE FROM message_mms AS w
 USING unnest($1::smallint[], $2::bigint[]) AS k (bucket, message_id)
 WHERE w.bucket = ANY ($1) AND w.bucket = k.bucket AND w.message_id = k.message_id;

-- name: callback_forget (hot)
-- What is still owed of messages goes out with the recipient as it may be kept.
UPDATE status_callback AS c SET payload = c.payload_kept, payload_kept = NULL
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, message_id)
 WHERE c.bucket = ANY ($1) AND c.bucket = k.bucket AND c.message_id = k.message_id AND c.payload_kept IS NOT NULL;

-- name: message_overdue (fan-out)
-- Messages that are to be obfuscated and left before $1: their receipts do not come any more.
SELECT * FROM message WHERE marks & 10 = 2 AND id < $2 AND sent_at < $1 ORDER BY id LIMIT $3;

-- Media of messages, and the links that lead to them.

-- name: media_insert (hot)
INSERT INTO message_media (bucket, message_id, position, url, content_type)
SELECT k.* FROM unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::text[], $5::text[])
                AS k (bucket, message_id, position, url, content_type);

-- name: media_link_insert (hot)
INSERT INTO media_link (bucket, code, message_bucket, message_id)
SELECT k.* FROM unnest($1::smallint[], $2::text[], $3::smallint[], $4::bigint[]) AS k (bucket, code, message_bucket, message_id);

-- name: media_of_message (hot)
-- Only of a message that is still there and is the account's; what will not be kept (mark 1) is never shown.
SELECT d.position, d.url, d.content_type
  FROM message_media d
  JOIN message m ON m.bucket = d.bucket AND m.id = d.message_id
 WHERE d.bucket = $1 AND d.message_id = $2 AND m.bucket = $1 AND m.account_id = $3 AND coalesce(m.marks, 0) & 1 = 0
 ORDER BY d.position;

-- name: media_delete (hot)
DELETE FROM message_media WHERE bucket = $1 AND message_id = $2 AND position = $3 RETURNING position;

-- name: media_delete_all (hot)
DELETE FROM message_media WHERE bucket = $1 AND message_id = $2;

-- name: media_link_find (hot)
SELECT message_bucket, message_id FROM media_link WHERE bucket = $1 AND code = $2 AND message_id >= $3;

-- name: media_linked (hot)
SELECT d.position, d.url, d.content_type FROM message_media d WHERE d.bucket = $1 AND d.message_id = $2 ORDER BY d.position;

-- name: media_link_purge (fan-out)
DELETE FROM media_link WHERE message_id < $1;

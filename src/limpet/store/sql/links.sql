-- Short links in texts, where they lead, and how accounts want to hear of clicks.

-- name: link_insert (hot)
INSERT INTO message_link (bucket, message_id, code, url)
SELECT k.* FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[]) AS k (bucket, message_id, code, url);

-- name: short_link_insert (hot)
INSERT INTO short_link (bucket, code, message_bucket, message_id, account_id)
SELECT k.* FROM unnest($1::smallint[], $2::text[], $3::smallint[], $4::bigint[], $5::integer[])
                AS k (bucket, code, message_bucket, message_id, account_id);

-- name: short_link_find (hot)
SELECT message_bucket, message_id, account_id FROM short_link WHERE bucket = $1 AND code = $2;

-- name: link_followed (hot)
-- Where a link leads and what message it is of; nowhere once the message or its text is gone.
SELECT l.url, m.*
  FROM message_link l
  JOIN message m ON m.bucket = l.bucket AND m.id = l.message_id
 WHERE l.bucket = $1 AND l.message_id = $2 AND l.code = $3 AND m.bucket = $1 AND m.id = $2;

-- name: link_clicked (hot)
UPDATE message_link SET clicks = clicks + 1 WHERE bucket = $1 AND message_id = $2 AND code = $3;

-- name: links_forget (hot)
DELETE FROM message_link WHERE bucket = $1 AND message_id = $2;

-- name: links_of_message (hot)
SELECT code, url, clicks FROM message_link WHERE bucket = $1 AND message_id = $2 ORDER BY code;

-- name: link_purge (fan-out)
-- Bucket by bucket down the primary key.
DELETE FROM message_link AS d USING unnest($2::smallint[]) AS b (bucket) WHERE d.bucket = b.bucket AND d.message_id < $1;

-- name: short_link_purge (fan-out)
DELETE FROM short_link WHERE message_id < $1;

-- name: link_config_read (reference)
SELECT * FROM link_config WHERE account_id = $1;

-- name: link_config_write (reference)
INSERT INTO link_config AS c (account_id, sid, callback_url, fallback_url, continue_on_failure, disable_https, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
    ON CONFLICT (account_id) DO UPDATE
   SET callback_url = excluded.callback_url, fallback_url = excluded.fallback_url,
       continue_on_failure = excluded.continue_on_failure, disable_https = excluded.disable_https, updated_at = excluded.updated_at
RETURNING *;

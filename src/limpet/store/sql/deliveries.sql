-- The log of tries to reach customers' URLs.

-- name: delivery_insert (hot)
INSERT INTO webhook_delivery (bucket, id, account_id, message_id, callback_id, kind, method, url, payload, fallback_url,
                              fallback_method, attempt, outcome, http_status, failure)
SELECT k.* FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],
                       $8::text[], $9::text[], $10::text[], $11::text[], $12::smallint[], $13::text[], $14::smallint[],
                       $15::text[])
            AS k (bucket, id, account_id, message_id, callback_id, kind, method, url, payload, fallback_url, fallback_method,
                  attempt, outcome, http_status, failure)
 WHERE k.message_id = k.callback_id
    OR EXISTS (SELECT FROM message m WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.message_id);

-- name: deliveries_of_account_down (fan-out)
-- An account's tries, newest first: a list for people.
SELECT * FROM webhook_delivery
 WHERE account_id = $1 AND ($2::text IS NULL OR outcome = $2) AND id < $3 ORDER BY id DESC LIMIT $4;

-- name: deliveries_of_account_up (fan-out)
SELECT * FROM webhook_delivery
 WHERE account_id = $1 AND ($2::text IS NULL OR outcome = $2) AND id > $3 ORDER BY id LIMIT $4;

-- name: deliveries_of_message_down (hot)
SELECT * FROM webhook_delivery
 WHERE bucket = $1 AND message_id = $2 AND ($3::text IS NULL OR outcome = $3) AND id < $4
 ORDER BY id DESC LIMIT $5;

-- name: deliveries_of_message_up (hot)
SELECT * FROM webhook_delivery
 WHERE bucket = $1 AND message_id = $2 AND ($3::text IS NULL OR outcome = $3) AND id > $4
 ORDER BY id LIMIT $5;

-- name: delivery_fetch (hot)
SELECT * FROM webhook_delivery WHERE bucket = $1 AND id = $2;

-- name: delivery_replay (hot)
-- Owed once more, at once and under the same token; what is still owed is only brought forward.
INSERT INTO status_callback AS c (bucket, id, account_id, message_id, url, payload, due_at, attempt, kind, method,
                                  fallback_url, fallback_method)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11)
    ON CONFLICT (bucket, id) DO UPDATE SET due_at = least(c.due_at, EXCLUDED.due_at), attempt = 0;

-- name: deliveries_forget (hot)
-- With a message's text goes what was posted of it.
DELETE FROM webhook_delivery WHERE bucket = $1 AND message_id = $2;

-- name: delivery_purge (fan-out)
-- Bucket by bucket down the primary key: an index on age alone would be paid for by every insert.
DELETE FROM webhook_delivery AS d USING unnest($2::smallint[]) AS b (bucket) WHERE d.bucket = b.bucket AND d.id < $1;

-- What the page of phones shows: the newest messages of a development server, whoever's they are, and what became of their callbacks.

-- name: phones_accounts (reference)
SELECT id FROM account ORDER BY id LIMIT $1;

-- name: phones_newest (fan-out)
-- The newest messages of each account that were made since $2, for people who look.
SELECT m.* FROM unnest($1::integer[]) AS a (account_id)
 CROSS JOIN LATERAL (SELECT * FROM message WHERE account_id = a.account_id AND id >= $2 ORDER BY id DESC LIMIT $3) AS m;

-- name: phones_changed (hot)
-- Of messages that are known, those that are not any more as they were.
SELECT m.* FROM unnest($1::smallint[], $2::bigint[], $3::timestamptz[], $4::text[]) AS k (bucket, id, updated_at, status)
  JOIN message m ON m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id
 WHERE m.updated_at <> k.updated_at OR m.status <> k.status;

-- name: phones_message (hot)
SELECT * FROM message WHERE bucket = $1 AND id = $2;

-- name: phones_media (hot)
SELECT d.bucket, d.message_id, d.position, d.url, d.content_type
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
  JOIN message_media d ON d.bucket = ANY ($1) AND d.bucket = k.bucket AND d.message_id = k.id
 ORDER BY d.bucket, d.message_id, d.position;

-- name: phones_tried (fan-out)
-- The newest tries of callbacks that tell of a message, of each account, since $2; oldest first.
SELECT t.bucket, t.message_id, t.kind, t.outcome, t.http_status, t.id FROM unnest($1::integer[]) AS a (account_id)
 CROSS JOIN LATERAL (SELECT * FROM webhook_delivery WHERE account_id = a.account_id AND id >= $2 ORDER BY id DESC LIMIT $3) AS t
 ORDER BY t.id;

-- name: phones_numbers (reference)
-- Numbers that people can write to.
SELECT n.address, n.carrier FROM sender n WHERE n.released_at IS NULL AND n.kind NOT IN ('alphanumeric', 'destination_alpha') ORDER BY n.id LIMIT $1;

-- name: phones_number (reference)
SELECT n.address, n.carrier FROM sender n WHERE n.address = $1 AND n.released_at IS NULL;

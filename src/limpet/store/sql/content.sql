-- Content templates, and feedback on messages.

-- name: content_insert (reference)
INSERT INTO content (sid, account_id, friendly_name, language, variables, types, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING *;

-- name: content_by_sid (reference)
SELECT * FROM content WHERE account_id = $1 AND sid = $2;

-- name: content_page_down (reference)
SELECT * FROM content WHERE account_id = $1 AND id < $2::bigint ORDER BY id DESC LIMIT $3;

-- name: content_page_up (reference)
SELECT * FROM content WHERE account_id = $1 AND id > $2::bigint ORDER BY id LIMIT $3;

-- name: content_delete (reference)
DELETE FROM content WHERE account_id = $1 AND sid = $2 RETURNING id;

-- name: feedback_write (hot)
-- What a customer says last counts; only of a message of theirs.
INSERT INTO feedback AS f (bucket, message_id, outcome, created_at, updated_at)
SELECT m.bucket, m.id, $4, $5, $5 FROM message m WHERE m.bucket = $1 AND m.id = $2 AND m.account_id = $3
    ON CONFLICT (bucket, message_id) DO UPDATE SET outcome = excluded.outcome, updated_at = excluded.updated_at
RETURNING f.created_at, f.updated_at;

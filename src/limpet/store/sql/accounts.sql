-- Accounts and their keys.

-- name: account_insert (reference)
INSERT INTO account (sid, friendly_name, auth_token_sealed, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) RETURNING *;

-- name: account_by_sid (reference)
SELECT * FROM account WHERE sid = $1;

-- name: account_token (reference)
SELECT auth_token_sealed FROM account WHERE id = $1;

-- name: account_update (reference)
UPDATE account SET friendly_name = coalesce($2, friendly_name), status = coalesce($3, status), updated_at = $4
 WHERE id = $1 RETURNING *;

-- name: accounts_page_down (reference)
SELECT * FROM account WHERE id < $1::bigint ORDER BY id DESC LIMIT $2;

-- name: accounts_page_up (reference)
SELECT * FROM account WHERE id > $1::bigint ORDER BY id LIMIT $2;

-- name: api_key_insert (reference)
INSERT INTO api_key (sid, account_id, friendly_name, secret_hash, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
RETURNING *;

-- name: api_key_credential (reference)
-- A key's secret and the account that it speaks for.
SELECT a.*, k.secret_hash FROM api_key k JOIN account a ON a.id = k.account_id WHERE k.sid = $1;

-- name: api_key_by_sid (reference)
SELECT * FROM api_key WHERE account_id = $1 AND sid = $2;

-- name: api_key_rename (reference)
UPDATE api_key SET friendly_name = $3, updated_at = $4 WHERE account_id = $1 AND sid = $2 RETURNING *;

-- name: api_key_delete (reference)
DELETE FROM api_key WHERE account_id = $1 AND sid = $2 RETURNING id;

-- name: api_key_page_down (reference)
SELECT * FROM api_key WHERE account_id = $1 AND id < $2::bigint ORDER BY id DESC LIMIT $3;

-- name: api_key_page_up (reference)
SELECT * FROM api_key WHERE account_id = $1 AND id > $2::bigint ORDER BY id LIMIT $3;

-- Accounts and their keys.

-- name: account_insert (reference)
INSERT INTO account (sid, friendly_name, auth_token_sealed, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) RETURNING *;

-- name: account_by_sid (reference)
SELECT * FROM account WHERE sid = $1;

-- name: accounts_named (reference)
-- Accounts by their name: main ones, or those that $2 owns; closed ones last.
SELECT * FROM account WHERE friendly_name = $1 AND owner_sid IS NOT DISTINCT FROM $2 ORDER BY status = 'closed', id LIMIT 3;

-- name: account_set_token (reference)
UPDATE account SET auth_token_sealed = $2, updated_at = $3 WHERE id = $1;

-- name: apply_alone (reference)
-- One configuration file at a time is applied, until the commit.
SELECT pg_advisory_xact_lock($1);

-- name: account_insert_sub (reference)
-- No row when the main account has as many sub-accounts as it may. One of a trial account is a trial account.
INSERT INTO account (sid, friendly_name, auth_token_sealed, created_at, updated_at, owner_sid, trial, verified)
SELECT $1, $2, $3, $4, $4, $5, o.trial, o.verified FROM account o
 WHERE o.sid = $5 AND (SELECT count(*) FROM account WHERE owner_sid = $5 AND status <> 'closed') < $6::bigint
RETURNING *;

-- name: account_credential (reference)
-- An account with what its main account's status is.
SELECT a.*, o.status AS owner_status FROM account a LEFT JOIN account o ON o.sid = a.owner_sid WHERE a.sid = $1;

-- name: account_test_credential (reference)
-- The account whose test credentials these are.
SELECT *, NULL AS owner_status FROM account WHERE test_sid = $1;

-- name: account_set_countries (reference)
UPDATE account SET countries = $2, updated_at = $3 WHERE id = $1 RETURNING *;

-- name: account_set_limits (reference)
UPDATE account SET segments_per_s = $2, scheduled_max = $3, trial = $4, verified = $5, updated_at = $6 WHERE id = $1 RETURNING *;

-- name: account_test_read (reference)
-- What is there already stays: of two who ask at once both see the first one's.
UPDATE account SET test_sid = coalesce(test_sid, $2), test_token_sealed = coalesce(test_token_sealed, $3) WHERE id = $1
RETURNING test_sid, test_token_sealed;

-- name: account_family_page_down (reference)
-- An account, and those that $2 owns.
SELECT * FROM account
 WHERE (sid = $1 OR owner_sid = $2) AND ($3::text IS NULL OR friendly_name = $3) AND ($4::text IS NULL OR status = $4)
   AND id < $5::bigint
 ORDER BY id DESC LIMIT $6;

-- name: account_family_page_up (reference)
SELECT * FROM account
 WHERE (sid = $1 OR owner_sid = $2) AND ($3::text IS NULL OR friendly_name = $3) AND ($4::text IS NULL OR status = $4)
   AND id > $5::bigint
 ORDER BY id LIMIT $6;

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
SELECT a.*, o.status AS owner_status, k.secret_hash
  FROM api_key k JOIN account a ON a.id = k.account_id LEFT JOIN account o ON o.sid = a.owner_sid
 WHERE k.sid = $1;

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

-- The operators' console: operators, their sessions, what they did, and its plots. All of it is small.

-- name: operator_insert (reference)
INSERT INTO console_operator (name, role, password_hash, totp_sealed, created_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (name) DO NOTHING RETURNING *;

-- name: operator_by_name (reference)
SELECT * FROM console_operator WHERE name = $1;

-- name: operators_all (reference)
SELECT o.*, (SELECT count(*) FROM console_session s WHERE s.operator_id = o.id AND s.created_at > $1 AND s.seen_at > $2) AS sessions,
       (SELECT count(*) FROM console_recovery_code c WHERE c.operator_id = o.id) AS recovery_codes
  FROM console_operator o ORDER BY o.name LIMIT $3;

-- name: operator_set (reference)
-- Another password, role and second factor; whoever was locked out is no more.
UPDATE console_operator SET role = $2, password_hash = $3, totp_sealed = $4, disabled_at = NULL WHERE id = $1 RETURNING *;

-- name: operator_disable (reference)
UPDATE console_operator SET disabled_at = coalesce(disabled_at, $2) WHERE name = $1 RETURNING id;

-- name: operator_use_step (reference)
-- A code of the second factor is used up; no row when it was already.
UPDATE console_operator SET totp_step = $2 WHERE id = $1 AND totp_step < $2 RETURNING id;

-- name: recovery_forget (reference)
DELETE FROM console_recovery_code WHERE operator_id = $1;

-- name: recovery_insert (reference)
INSERT INTO console_recovery_code (operator_id, code_hash) SELECT $1, unnest($2::bytea[]);

-- name: recovery_use (reference)
DELETE FROM console_recovery_code WHERE operator_id = $1 AND code_hash = $2 RETURNING operator_id;

-- name: session_insert (reference)
INSERT INTO console_session (token_hash, operator_id, created_at, seen_at, address) VALUES ($1, $2, $3, $3, $4);

-- name: session_find (reference)
-- Who is in by a session that is neither too old nor too long unused.
SELECT o.id, o.name, o.role, s.seen_at FROM console_session s
  JOIN console_operator o ON o.id = s.operator_id AND o.disabled_at IS NULL
 WHERE s.token_hash = $1 AND s.created_at > $2 AND s.seen_at > $3;

-- name: session_seen (reference)
UPDATE console_session SET seen_at = $2 WHERE token_hash = $1;

-- name: session_end (reference)
DELETE FROM console_session WHERE token_hash = $1;

-- name: sessions_end (reference)
DELETE FROM console_session WHERE operator_id = $1;

-- name: sessions_purge (reference)
DELETE FROM console_session WHERE created_at <= $1 OR seen_at <= $2;

-- name: failure_count (reference)
-- One more try; no row while it has to wait. What is long ago is forgotten.
INSERT INTO console_failure AS f (key, failures, last_at, until) VALUES ($1, 1, $2, $2)
    ON CONFLICT (key) DO UPDATE
   SET failures = CASE WHEN f.last_at < $3 THEN 1 ELSE f.failures + 1 END, last_at = $2
 WHERE f.until <= $2
RETURNING failures;

-- name: failure_until (reference)
SELECT until FROM console_failure WHERE key = $1;

-- name: failure_wait (reference)
UPDATE console_failure SET until = $2 WHERE key = $1;

-- name: failure_clear (reference)
DELETE FROM console_failure WHERE key = $1;

-- name: failure_forgive (reference)
-- It was no failure after all.
UPDATE console_failure SET failures = failures - 1, until = $2 WHERE key = $1;

-- name: failures_purge (reference)
DELETE FROM console_failure WHERE last_at < $1;

-- name: audit_insert (reference)
INSERT INTO console_audit (id, operator, role, address, act, account_sid, subject) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: audit_settle (reference)
UPDATE console_audit SET outcome = $2, changes = $3::jsonb WHERE id = $1;

-- name: audit_page_down (reference)
SELECT * FROM console_audit
 WHERE ($1::text IS NULL OR operator = $1) AND ($2::text IS NULL OR act = $2) AND id < $3::bigint ORDER BY id DESC LIMIT $4;

-- name: audit_page_up (reference)
SELECT * FROM console_audit
 WHERE ($1::text IS NULL OR operator = $1) AND ($2::text IS NULL OR act = $2) AND id > $3::bigint ORDER BY id LIMIT $4;

-- name: audit_purge (reference)
DELETE FROM console_audit WHERE id < $1;

-- name: callbacks_owed (fan-out)
-- What is owed to customers and since when, by account: for operators who look. At most $1 are counted.
SELECT k.account_id, count(*) AS owed, count(*) FILTER (WHERE k.attempt > 1) AS failing, min(k.due_at) AS due
  FROM (SELECT account_id, attempt, due_at FROM status_callback ORDER BY due_at LIMIT $1) AS k GROUP BY k.account_id;

-- name: minute_begin (reference)
-- Of all processes one takes the minute; the others get no row.
INSERT INTO console_minute (minute) VALUES ($1) ON CONFLICT (minute) DO NOTHING RETURNING minute;

-- name: minute_settle (reference)
UPDATE console_minute
   SET submits_per_s = $2, receipts_per_s = $3, waiting = $4, callbacks = $5, sampled = $6, delivered = $7, failed = $8,
       latency_ms = $9
 WHERE minute = $1;

-- name: minutes_since (reference)
SELECT * FROM console_minute WHERE minute >= $1 AND submits_per_s IS NOT NULL ORDER BY minute LIMIT $2;

-- name: minutes_purge (reference)
DELETE FROM console_minute WHERE minute < $1;

-- name: minute_sample (hot)
-- What became of messages that were accepted between two ids: at most $4 of each bucket, each read by its key.
SELECT w.id, w.status, w.sent_at
  FROM unnest($1::smallint[]) AS k (bucket)
 CROSS JOIN LATERAL (
     SELECT m.id, m.status, m.sent_at FROM message m
      WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id >= $2 AND m.id < $3::bigint AND m.direction <> 'inbound' AND m.send_at IS NULL ORDER BY m.id LIMIT $4) AS w;

-- name: spread (hot)
-- How many mappings of a service point at which member, in some buckets; one that has aged or is dead is not counted.
SELECT m.member_id, count(*) AS people FROM sticky_mapping m
 WHERE m.bucket = ANY ($1::smallint[]) AND m.service_id = $2 AND (m.last_used_day >= $3::integer OR m.flags & 4 = 4)
 GROUP BY m.member_id;

-- The schema itself: its steps, its partitions, the keys of the installation.

-- name: migration_table (reference)
-- The steps that have been applied.
CREATE TABLE IF NOT EXISTS schema_migration (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL);

-- name: clock (reference)
-- What time the database has, to compare with ours.
SELECT clock_timestamp();

-- name: migration_done (reference)
INSERT INTO schema_migration (number, name, applied_at) VALUES ($1, $2, $3);

-- name: partition_strategy (reference)
-- 'r' where a table is split by range, as in production; tests split by hash instead.
SELECT partstrat FROM pg_partitioned_table WHERE partrelid = to_regclass($1);

-- name: installation_insert (reference)
-- Of several first starts one wins; its keys are everybody's.
INSERT INTO installation (bucket_key, sid_key, created_at) VALUES ($1, $2, $3) ON CONFLICT (one) DO NOTHING;

-- name: installation_read (reference)
SELECT bucket_key, sid_key FROM installation;

-- name: server_settings (reference)
-- What the server runs with: for an operator's check.
SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[]);

-- name: clients_connected (reference)
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend';

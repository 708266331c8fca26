-- Event streams: sinks, subscriptions, and what has changed of them.

-- name: event_generation_next (reference)
-- Taken first in every change: whoever changes next waits for the commit.
UPDATE event_generation SET generation = generation + 1 RETURNING generation;

-- name: event_change_note (reference)
INSERT INTO event_change AS c (account_id, generation) VALUES ($1, $2)
    ON CONFLICT (account_id) DO UPDATE SET generation = EXCLUDED.generation;

-- name: event_routes (reference)
-- What is subscribed now in the accounts that have changed since; an account without any has one row without a type.
SELECT c.account_id, c.generation, r.type, r.schema_version, r.destination, r.batch_events
  FROM event_change c
  LEFT JOIN (SELECT u.account_id, d.type, d.schema_version, k.destination, k.batch_events, k.id AS sink_id
               FROM event_subscription u
               JOIN event_subscribed d ON d.subscription_id = u.id
               JOIN event_sink k ON k.id = u.sink_id
              WHERE k.status = 'active') r ON r.account_id = c.account_id
 WHERE c.generation > $1
 ORDER BY c.generation, r.sink_id;

-- name: event_sinks_failing (reference)
-- Sinks that take nothing, in the accounts that have changed since.
SELECT c.account_id, k.destination
  FROM event_change c
  JOIN event_sink k ON k.account_id = c.account_id
 WHERE c.generation > $1 AND k.failing_since IS NOT NULL;

-- name: event_sink_fails (reference)
UPDATE event_sink SET failing_since = $3 WHERE account_id = $1 AND destination = $2 AND failing_since IS NULL;

-- name: event_sink_failed (reference)
-- Nothing more is owed to it: it has failed since $3, or $3 is null and there is no use in trying.
UPDATE event_sink SET status = $5, failing_since = coalesce(failing_since, $4), updated_at = $4
 WHERE account_id = $1 AND destination = $2 AND status <> $5 AND ($3::timestamptz IS NULL OR failing_since <= $3)
RETURNING sid;

-- name: event_sink_takes (reference)
-- It is there again.
UPDATE event_sink SET status = $4, failing_since = NULL, updated_at = CASE WHEN status = $4 THEN updated_at ELSE $3 END
 WHERE account_id = $1 AND destination = $2 AND failing_since IS NOT NULL;

-- name: event_sink_insert (reference)
-- No row when the account has as many sinks as it may.
INSERT INTO event_sink (sid, account_id, description, destination, batch_events, status, created_at, updated_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $7
 WHERE (SELECT count(*) FROM event_sink WHERE account_id = $2) < $8::bigint
RETURNING *;

-- name: event_sink_by_sid (reference)
SELECT * FROM event_sink WHERE account_id = $1 AND sid = $2;

-- name: event_sink_page_down (reference)
SELECT * FROM event_sink k
 WHERE k.account_id = $1 AND ($2::text IS NULL OR k.status = $2)
   AND ($3::boolean IS NULL OR $3 = EXISTS (SELECT FROM event_subscription u WHERE u.sink_id = k.id))
   AND k.id < $4::bigint ORDER BY k.id DESC LIMIT $5;

-- name: event_sink_page_up (reference)
SELECT * FROM event_sink k
 WHERE k.account_id = $1 AND ($2::text IS NULL OR k.status = $2)
   AND ($3::boolean IS NULL OR $3 = EXISTS (SELECT FROM event_subscription u WHERE u.sink_id = k.id))
   AND k.id > $4::bigint ORDER BY k.id LIMIT $5;

-- name: event_sink_describe (reference)
UPDATE event_sink SET description = $3, updated_at = $4 WHERE account_id = $1 AND sid = $2 RETURNING *;

-- name: event_sink_delete (reference)
-- One that is in use stays.
DELETE FROM event_sink k
 WHERE k.account_id = $1 AND k.sid = $2 AND NOT EXISTS (SELECT FROM event_subscription u WHERE u.sink_id = k.id)
RETURNING k.destination;

-- name: event_sink_shares (reference)
-- Whether another sink of the account leads to the same place.
SELECT EXISTS (SELECT FROM event_sink WHERE account_id = $1 AND destination = $2);

-- name: event_owed_forget (fan-out)
-- What a sink that is gone was still owed. Rare, so that no index is paid for.
DELETE FROM status_callback WHERE kind = $1 AND account_id = $2 AND url = $3;

-- name: event_subscription_insert (reference)
-- No row when the sink has a subscription, or the account as many as it may.
INSERT INTO event_subscription (sid, account_id, sink_id, description, created_at, updated_at)
SELECT $1, $2, $3, $4, $5, $5
 WHERE (SELECT count(*) FROM event_subscription WHERE account_id = $2) < $6::bigint
    ON CONFLICT (sink_id) DO NOTHING
RETURNING *;

-- name: event_subscription_by_sid (reference)
SELECT u.*, k.sid AS sink_sid FROM event_subscription u JOIN event_sink k ON k.id = u.sink_id
 WHERE u.account_id = $1 AND u.sid = $2;

-- name: event_subscription_page_down (reference)
SELECT u.*, k.sid AS sink_sid FROM event_subscription u JOIN event_sink k ON k.id = u.sink_id
 WHERE u.account_id = $1 AND ($2::text IS NULL OR k.sid = $2) AND u.id < $3::bigint ORDER BY u.id DESC LIMIT $4;

-- name: event_subscription_page_up (reference)
SELECT u.*, k.sid AS sink_sid FROM event_subscription u JOIN event_sink k ON k.id = u.sink_id
 WHERE u.account_id = $1 AND ($2::text IS NULL OR k.sid = $2) AND u.id > $3::bigint ORDER BY u.id LIMIT $4;

-- name: event_subscription_describe (reference)
UPDATE event_subscription SET description = $3, updated_at = $4 WHERE account_id = $1 AND sid = $2;

-- name: event_subscription_delete (reference)
-- Its types go with it.
DELETE FROM event_subscription WHERE account_id = $1 AND sid = $2 RETURNING id;

-- name: event_subscribe (reference)
INSERT INTO event_subscribed AS d (subscription_id, type, schema_version)
SELECT $1, k.* FROM unnest($2::text[], $3::smallint[]) AS k
    ON CONFLICT (subscription_id, type) DO UPDATE SET schema_version = EXCLUDED.schema_version;

-- name: event_unsubscribe (reference)
DELETE FROM event_subscribed WHERE subscription_id = $1 AND type = $2 RETURNING id;

-- name: event_subscribed_one (reference)
SELECT * FROM event_subscribed WHERE subscription_id = $1 AND type = $2;

-- name: event_subscribed_page_down (reference)
SELECT * FROM event_subscribed WHERE subscription_id = $1 AND id < $2::bigint ORDER BY id DESC LIMIT $3;

-- name: event_subscribed_page_up (reference)
SELECT * FROM event_subscribed WHERE subscription_id = $1 AND id > $2::bigint ORDER BY id LIMIT $3;

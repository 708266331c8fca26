-- Every statement that Limpet runs. A statement's head gives its name and its reach: `hot` ones have `bucket` in every scope,
-- `fan-out` ones ask all shards and never run once a message, `reference` ones touch only small tables. Time is always a parameter.

-- ─── schema ──────────────────────────────────────────────────────────────────────────────────────────────────────────

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

-- ─── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────

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

-- ─── services and pools ──────────────────────────────────────────────────────────────────────────────────────────────

-- name: service_insert (reference)
INSERT INTO service (sid, account_id, friendly_name, inbound_request_url, inbound_method, fallback_url, fallback_method,
                     status_callback, sticky_sender, mms_converter, smart_encoding, scan_message_content,
                     fallback_to_long_code, area_code_geomatch, synchronous_validation, validity_period, usecase,
                     use_inbound_webhook_on_number, status_callback_events, in_doubt, explicit_from_sticks, sticky_ttl_days,
                     us_app_to_person_registered, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, false, $23, $23)
RETURNING *;

-- name: service_by_sid (reference)
SELECT * FROM service WHERE account_id = $1 AND sid = $2 AND deleted_at IS NULL;

-- name: service_by_id (reference)
SELECT * FROM service WHERE id = $1 AND deleted_at IS NULL;

-- name: service_page_down (reference)
SELECT * FROM service WHERE account_id = $1 AND deleted_at IS NULL AND id < $2::bigint ORDER BY id DESC LIMIT $3;

-- name: service_page_up (reference)
SELECT * FROM service WHERE account_id = $1 AND deleted_at IS NULL AND id > $2::bigint ORDER BY id LIMIT $3;

-- name: service_hold (reference)
-- Hold a service until the commit. An UPDATE that changes nothing, because a cluster locks a reference table's row so and only so.
UPDATE service SET generation = generation WHERE id = $1 AND deleted_at IS NULL RETURNING id;

-- name: service_hold_by_sid (reference)
UPDATE service SET generation = generation WHERE account_id = $1 AND sid = $2 AND deleted_at IS NULL RETURNING *;

-- name: service_update (reference)
UPDATE service
   SET friendly_name = $2, inbound_request_url = $3, inbound_method = $4, fallback_url = $5, fallback_method = $6,
       status_callback = $7, sticky_sender = $8, mms_converter = $9, smart_encoding = $10, scan_message_content = $11,
       fallback_to_long_code = $12, area_code_geomatch = $13, synchronous_validation = $14, validity_period = $15,
       usecase = $16, use_inbound_webhook_on_number = $17, status_callback_events = $18, in_doubt = $19,
       explicit_from_sticks = $20, sticky_ttl_days = $21, updated_at = $22, generation = generation + 1
 WHERE id = $1 RETURNING *;

-- name: service_delete (reference)
UPDATE service SET deleted_at = $3, updated_at = $3, generation = generation + 1
 WHERE account_id = $1 AND sid = $2 AND deleted_at IS NULL RETURNING id;

-- name: pool_changed (reference)
UPDATE service SET generation = generation + 1 WHERE id = $1;

-- name: pool_changed_of_sender (reference)
UPDATE service AS s SET generation = s.generation + 1
  FROM pool_member m WHERE m.sender_id = $1 AND m.removed_at IS NULL AND s.id = m.service_id;

-- name: member_insert (reference)
INSERT INTO pool_member (service_id, sender_id, added_at) VALUES ($1, $2, $3) RETURNING id;

-- name: member_count (reference)
SELECT count(*) FROM pool_member WHERE service_id = $1 AND removed_at IS NULL;

-- name: member_service_of_sender (reference)
SELECT service_id FROM pool_member WHERE sender_id = $1 AND removed_at IS NULL;

-- name: member_by_sid (reference)
SELECT n.*, m.id AS member_id, m.service_id, m.added_at
  FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = $1 AND n.sid = $2 AND m.removed_at IS NULL;

-- name: member_all (reference)
SELECT n.*, m.id AS member_id, m.service_id, m.added_at
  FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = $1 AND m.removed_at IS NULL ORDER BY m.id;

-- name: member_page_down (reference)
SELECT n.*, m.id AS member_id, m.service_id, m.added_at
  FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = $1 AND m.removed_at IS NULL AND m.id < $2::bigint ORDER BY m.id DESC LIMIT $3;

-- name: member_page_up (reference)
SELECT n.*, m.id AS member_id, m.service_id, m.added_at
  FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = $1 AND m.removed_at IS NULL AND m.id > $2::bigint ORDER BY m.id LIMIT $3;

-- name: member_remove (reference)
-- One row, and every mapping that points at it is dead.
UPDATE pool_member AS m SET removed_at = $3
  FROM sender n
 WHERE m.service_id = $1 AND n.sid = $2 AND m.sender_id = n.id AND m.removed_at IS NULL
RETURNING m.id;

-- name: member_remove_all (reference)
UPDATE pool_member SET removed_at = $2 WHERE service_id = $1 AND removed_at IS NULL;

-- name: member_remove_of_sender (reference)
UPDATE pool_member SET removed_at = $2 WHERE sender_id = $1 AND removed_at IS NULL;

-- ─── senders ─────────────────────────────────────────────────────────────────────────────────────────────────────────

-- name: sender_insert (reference)
-- No row when the number has an owner.
INSERT INTO sender (sid, account_id, address, country, kind, capabilities, friendly_name, carrier, sms_url, sms_method,
                    sms_fallback_url, sms_fallback_method, status_callback, settings, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)
    ON CONFLICT (address) WHERE released_at IS NULL DO NOTHING
RETURNING *;

-- name: sender_by_sid (reference)
SELECT * FROM sender WHERE account_id = $1 AND sid = $2 AND released_at IS NULL;

-- name: sender_by_address (reference)
SELECT * FROM sender WHERE account_id = $1 AND address = $2 AND released_at IS NULL;

-- name: sender_page_down (reference)
SELECT * FROM sender
 WHERE account_id = $1 AND released_at IS NULL AND ($2::text IS NULL OR address LIKE $2)
   AND ($3::text IS NULL OR friendly_name = $3) AND id < $4::bigint
 ORDER BY id DESC LIMIT $5;

-- name: sender_page_up (reference)
SELECT * FROM sender
 WHERE account_id = $1 AND released_at IS NULL AND ($2::text IS NULL OR address LIKE $2)
   AND ($3::text IS NULL OR friendly_name = $3) AND id > $4::bigint
 ORDER BY id LIMIT $5;

-- name: sender_hold (reference)
-- Hold a number until the commit, as `service_hold` does.
UPDATE sender SET updated_at = updated_at WHERE account_id = $1 AND sid = $2 AND released_at IS NULL RETURNING *;

-- name: sender_update (reference)
UPDATE sender
   SET address = $2, country = $3, kind = $4, capabilities = $5, friendly_name = $6, carrier = $7, sms_url = $8, sms_method = $9,
       sms_fallback_url = $10, sms_fallback_method = $11, status_callback = $12, settings = $13, updated_at = $14
 WHERE id = $1 RETURNING *;

-- name: sender_release (reference)
UPDATE sender SET released_at = $2, updated_at = $2 WHERE id = $1;

-- ─── sticky ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- name: pool_load (reference)
-- A service and its live members in one snapshot: what `core.selection.Pool` is made of. One row a member, or one without.
SELECT s.*, m.id AS member_id, m.added_at,
       n.id AS sender_id, n.sid AS sender_sid, n.kind, n.address, n.country, n.capabilities,
       n.friendly_name AS sender_name, n.carrier
  FROM service s
  LEFT JOIN pool_member m ON m.service_id = s.id AND m.removed_at IS NULL
  LEFT JOIN sender n ON n.id = m.sender_id
 WHERE s.id = $1 AND s.deleted_at IS NULL
 ORDER BY m.id;

-- name: service_owner_by_sid (reference)
SELECT id, account_id FROM service WHERE sid = $1 AND deleted_at IS NULL;

-- name: service_generation (reference)
SELECT generation FROM service WHERE id = $1 AND deleted_at IS NULL;

-- name: account_sids (reference)
SELECT id, sid FROM account WHERE id = ANY ($1::integer[]);

-- name: service_sids (reference)
-- Also of deleted ones: their messages still name them.
SELECT id, sid FROM service WHERE id = ANY ($1::integer[]);

-- name: sticky_read (hot)
-- The service's generation and a person's mapping in one snapshot: whoever starts after a removal was answered sees it.
SELECT k.ord, s.generation, m.member_id, m.last_used_day, m.created_day, m.flags
  FROM unnest($1::smallint[], $2::integer[], $3::text[]) WITH ORDINALITY AS k (bucket, service_id, recipient, ord)
  JOIN service s ON s.id = k.service_id
  LEFT JOIN sticky_mapping m ON m.bucket = ANY ($1) AND m.bucket = k.bucket
       AND m.service_id = k.service_id AND m.recipient = k.recipient;

-- name: sticky_claim (hot)
-- A use of people's mappings, or their first ones: the primary key decides who was first (rule S-2), and a use is written once a
-- day. One statement for both and in the order of the keys, so that every batch locks in the same order and none deadlocks; a
-- join may visit its rows in any order. What another made is held still and left as it is. Bit 2 tells a new row from an old.
INSERT INTO sticky_mapping AS m (bucket, service_id, recipient, member_id, last_used_day, created_day)
SELECT k.bucket, k.service_id, k.recipient, k.member_id, $5::integer, $5::integer
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[]) AS k (bucket, service_id, recipient, member_id)
 ORDER BY k.bucket, k.service_id, k.recipient COLLATE "C"
    ON CONFLICT (bucket, service_id, recipient) DO UPDATE
   SET flags = m.flags | 2,
       last_used_day = CASE WHEN m.member_id = excluded.member_id THEN greatest(m.last_used_day, excluded.last_used_day)
                            ELSE m.last_used_day END
RETURNING bucket, service_id, recipient, member_id, flags & 2 = 0 AS made;

-- name: sticky_disclaim (hot)
-- The mapping that `sticky_claim` was to use had gone meanwhile, and it made one that nobody decided: away with it.
DELETE FROM sticky_mapping AS m
 USING unnest($1::smallint[], $2::integer[], $3::text[]) AS k (bucket, service_id, recipient)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.recipient;

-- name: sticky_swap (hot)
-- A live sender in the place of a dead or broken one, only if the mapping is still as it was read. Members are never used
-- again and days never go back, so a mapping cannot look as it once did (no ABA).
UPDATE sticky_mapping AS m
   SET member_id = k.member_id, last_used_day = greatest(m.last_used_day, $7::integer), created_day = $7::integer, flags = 0
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[])
       AS k (bucket, service_id, recipient, member_id, member_before, day_before)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.recipient
   AND m.member_id = k.member_before AND m.last_used_day = k.day_before
RETURNING m.bucket, m.service_id, m.recipient;

-- name: sticky_refresh_inbound (hot)
-- A person wrote to the number that a mapping points at: a use, if the mapping is live (rule S-21); a dead one stays dead.
UPDATE sticky_mapping AS m
   SET last_used_day = $4
  FROM sender n
  JOIN unnest($1::smallint[], $2::text[], $3::text[]) AS k (bucket, recipient, sender)
       ON k.sender = n.address AND n.released_at IS NULL
  JOIN pool_member p ON p.sender_id = n.id AND p.removed_at IS NULL
  JOIN service s ON s.id = p.service_id AND s.sticky_sender
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = s.id AND m.recipient = k.recipient
   AND m.member_id = p.id AND m.last_used_day < $4 AND $4 - m.last_used_day <= s.sticky_ttl_days;

-- name: sticky_hold (hot)
-- Hold a person's provisional mapping still, so that whoever is about to use it and whoever is about to take it away see each other.
UPDATE sticky_mapping AS m SET flags = m.flags
  FROM service s
  JOIN unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[]) AS k (bucket, service_id, recipient, member_id)
       ON k.service_id = s.id AND s.sticky_sender
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.recipient
   AND m.member_id = k.member_id AND m.flags & 1 = 0 AND m.created_day > $5
RETURNING m.bucket, m.service_id, m.recipient, m.member_id;

-- name: sticky_unsent (hot)
-- After `sticky_hold`: the mapping goes if every message that used it failed or was canceled before it left (rule S-9). One
-- that was sent while Sticky Sender was off, or past the mapping, used it not.
DELETE FROM sticky_mapping AS m
 USING unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[]) AS k (bucket, service_id, recipient, member_id)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.recipient
   AND m.member_id = k.member_id AND m.flags & 1 = 0
   AND NOT EXISTS (SELECT FROM message AS o
                    WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient
                      AND o.service_id = k.service_id AND o.member_id = k.member_id
                      AND o.sticky = ANY ('{created,used,replaced}') AND o.status <> ALL ('{failed,canceled}'))
RETURNING m.bucket, m.service_id, m.recipient, m.member_id;

-- name: sticky_establish (hot)
-- A message that left is about to be deleted: what it proved of its mapping stays known.
UPDATE sticky_mapping SET flags = flags | 1
 WHERE bucket = $1 AND service_id = $2 AND recipient = $3 AND member_id = $4 AND flags & 1 = 0;

-- name: sticky_lookup (hot)
-- One person's mapping as it is, dead or alive, with the sender that it points at, and whether a message of it has left.
SELECT m.recipient, m.member_id, m.last_used_day, m.created_day,
       n.address, n.sid AS sender_sid, p.removed_at,
       m.flags & 1 = 1 OR EXISTS (SELECT FROM message AS o
                                   WHERE o.bucket = $1 AND o.recipient = $3 AND o.service_id = $2
                                     AND o.member_id = m.member_id AND o.sticky = ANY ('{created,used,replaced}')
                                     AND o.sent_at IS NOT NULL) AS established
  FROM sticky_mapping m
  LEFT JOIN pool_member p ON p.id = m.member_id
  LEFT JOIN sender n ON n.id = p.sender_id
 WHERE m.bucket = $1 AND m.service_id = $2 AND m.recipient = $3;

-- name: sticky_reset (hot)
DELETE FROM sticky_mapping WHERE bucket = $1 AND service_id = $2 AND recipient = $3 RETURNING member_id;

-- name: member_addresses (reference)
-- What members were, also those that have left: for the events that name the sender before.
SELECT p.id, n.address FROM pool_member p JOIN sender n ON n.id = p.sender_id WHERE p.id = ANY ($1::integer[]);

-- name: sticky_event_insert (hot)
INSERT INTO sticky_event (bucket, id, service_id, recipient, kind, cause, sender_before, sender_after, message_id, actor)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::bigint[], $10::text[]);

-- name: sticky_events_of_person (hot)
-- A person's history within a service, oldest first.
SELECT id, kind, cause, sender_before, sender_after, message_id, actor
  FROM sticky_event WHERE bucket = $1 AND recipient = $2 AND service_id = $3 ORDER BY id LIMIT $4;

-- name: purge_chunk_end (hot)
-- The key at which a chunk of the purging walk through one bucket ends; no row when the rest is smaller than a chunk.
SELECT service_id, recipient FROM sticky_mapping
 WHERE bucket = $1 AND (service_id, recipient) > ($2, $3::text) ORDER BY service_id, recipient OFFSET $4 LIMIT 1;

-- name: purge_chunk (hot)
-- Housekeeping: mappings of removed members, of deleted services, and those that aged out. No read honours them any more.
DELETE FROM sticky_mapping AS m
 USING service s
 WHERE m.bucket = $1 AND (m.service_id, m.recipient) > ($2, $3::text) AND (m.service_id, m.recipient) <= ($4, $5::text)
   AND s.id = m.service_id
   AND (s.deleted_at IS NOT NULL
        OR s.sticky_sender AND $6 - m.last_used_day > s.sticky_ttl_days
        OR EXISTS (SELECT FROM pool_member p WHERE p.id = m.member_id AND p.removed_at IS NOT NULL));

-- ─── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- name: senders_by_address (reference)
-- Which of these numbers an account owns: a plain From must be one.
SELECT k.ord, n.address, n.kind, n.carrier, n.country, n.capabilities
  FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (account_id, address, ord)
  JOIN sender n ON n.address = k.address AND n.account_id = k.account_id AND n.released_at IS NULL;

-- name: owners_of (reference)
-- Whose numbers these are, and the service whose pool each is in.
SELECT n.address, n.account_id, p.service_id
  FROM sender n LEFT JOIN pool_member p ON p.sender_id = n.id AND p.removed_at IS NULL
 WHERE n.address = ANY ($1::text[]) AND n.released_at IS NULL;

-- name: message_insert (hot)
INSERT INTO message (bucket, id, account_id, service_id, member_id, direction, status, recipient, sender, body, num_segments,
                     send_at, expires_at, status_callback, callback_events, reason, sticky, rejections, error_code,
                     lane, fence, attempt, claimed_at, updated_at)
SELECT k.*, $24 FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::integer[], $5::integer[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::smallint[], $12::timestamptz[], $13::timestamptz[], $14::text[], $15::text[],
    $16::text[], $17::text[], $18::text[], $19::integer[], $20::text[], $21::bigint[], $22::smallint[], $23::timestamptz[]) AS k;

-- name: message_bind (hot)
-- A scheduled message that has become due gets its sender, or fails for want of one; a canceled one stays canceled.
UPDATE message AS m
   SET status = k.status, member_id = k.member_id, sender = k.sender, num_segments = k.num_segments, lane = k.lane,
       fence = k.fence, attempt = k.attempt, claimed_at = k.claimed_at, reason = k.reason, sticky = k.sticky,
       rejections = k.rejections, error_code = k.error_code, updated_at = $14
  FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::integer[], $5::text[], $6::smallint[], $7::text[], $8::bigint[],
              $9::smallint[], $10::timestamptz[], $11::text[], $12::text[], $13::text[], $15::integer[])
       AS k (bucket, id, status, member_id, sender, num_segments, lane, fence, attempt, claimed_at, reason, sticky, rejections,
             error_code)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = ANY ('{scheduled,accepted}')
RETURNING m.bucket, m.id;

-- name: message_fetch (hot)
SELECT * FROM message WHERE bucket = $1 AND id = $2 AND account_id = $3;

-- name: account_has_used (reference)
-- Which of these addresses are or were numbers of the account: tells our side of a conversation from the person's.
SELECT DISTINCT address FROM sender WHERE account_id = $1 AND address = ANY ($2::text[]);

-- name: messages_with_person_down (hot)
-- An account's messages with one person, newest first, older than $4.
SELECT * FROM message
 WHERE bucket = $1 AND recipient = $2 AND account_id = $3 AND id < $4
   AND (direction = 'inbound') = $5 AND ($6::text IS NULL OR sender = $6)
   AND ($7::timestamptz IS NULL OR sent_at >= $7) AND ($8::timestamptz IS NULL OR sent_at < $8)
 ORDER BY id DESC LIMIT $9;

-- name: messages_with_person_up (hot)
-- The same, oldest first, newer than $4: the page before.
SELECT * FROM message
 WHERE bucket = $1 AND recipient = $2 AND account_id = $3 AND id > $4
   AND (direction = 'inbound') = $5 AND ($6::text IS NULL OR sender = $6)
   AND ($7::timestamptz IS NULL OR sent_at >= $7) AND ($8::timestamptz IS NULL OR sent_at < $8)
 ORDER BY id LIMIT $9;

-- name: messages_of_account_down (fan-out)
-- An account's messages, newest first, older than $2; `to` and `from` as the wire shows them.
SELECT * FROM message
 WHERE account_id = $1 AND id < $2
   AND ($3::text IS NULL OR $3 = CASE direction WHEN 'inbound' THEN sender ELSE recipient END)
   AND ($4::text IS NULL OR $4 = CASE direction WHEN 'inbound' THEN recipient ELSE sender END)
   AND ($5::timestamptz IS NULL OR sent_at >= $5) AND ($6::timestamptz IS NULL OR sent_at < $6)
 ORDER BY id DESC LIMIT $7;

-- name: messages_of_account_up (fan-out)
-- The same, oldest first, newer than $2: the page before.
SELECT * FROM message
 WHERE account_id = $1 AND id > $2
   AND ($3::text IS NULL OR $3 = CASE direction WHEN 'inbound' THEN sender ELSE recipient END)
   AND ($4::text IS NULL OR $4 = CASE direction WHEN 'inbound' THEN recipient ELSE sender END)
   AND ($5::timestamptz IS NULL OR sent_at >= $5) AND ($6::timestamptz IS NULL OR sent_at < $6)
 ORDER BY id LIMIT $7;

-- name: message_body_redact (hot)
UPDATE message SET body = '', updated_at = $4 WHERE bucket = $1 AND id = $2 AND account_id = $3 AND status = ANY ($5::text[])
RETURNING *;

-- name: message_cancel (hot)
UPDATE message SET status = 'canceled', updated_at = $4
 WHERE bucket = $1 AND id = $2 AND account_id = $3 AND status = 'scheduled' RETURNING *;

-- name: message_delete (hot)
DELETE FROM message WHERE bucket = $1 AND id = $2 AND account_id = $3 AND status = ANY ($4::text[])
RETURNING service_id, member_id, recipient, status, sticky;

-- ─── dispatch ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- name: lane_lease (reference)
-- Take or renew a lane; answers its fence, which grows with each new owner. Leases are judged by the database's clock, so that
-- two processes whose clocks differ cannot both hold one.
INSERT INTO lane AS l (name, owner, fence, expires_at) VALUES ($1, $2, 1, now() + $3::interval)
    ON CONFLICT (name) DO UPDATE
   SET owner = excluded.owner, expires_at = excluded.expires_at, fence = l.fence + CASE WHEN l.owner = excluded.owner THEN 0 ELSE 1 END
 WHERE l.owner = excluded.owner OR l.expires_at < now() OR $4
RETURNING fence;

-- name: lane_release (reference)
UPDATE lane SET expires_at = now() WHERE name = $1 AND owner = $2;

-- name: due_insert (hot)
INSERT INTO message_due (bucket, id, lane, due_at, expires_at)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[])
    ON CONFLICT (bucket, id) DO NOTHING;

-- name: due_find (fan-out)
-- What a lane may send next, in the order in which it became due.
SELECT bucket, id FROM message_due WHERE lane = $1 AND due_at <= $2 AND expires_at > $2 ORDER BY due_at, id LIMIT $3;

-- name: due_next (fan-out)
-- When the next message of a lane becomes due, so that nobody needs to look before.
SELECT min(due_at) FROM message_due WHERE lane = $1;

-- name: due_expired (fan-out)
-- What has waited for longer than it is valid.
SELECT bucket, id FROM message_due WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2;

-- name: due_take (hot)
-- Take messages out of the queue; whoever gets a row back owns it.
DELETE FROM message_due AS d
 USING unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE d.bucket = ANY ($1) AND d.bucket = k.bucket AND d.id = k.id
RETURNING d.bucket, d.id;

-- name: messages_by_key (hot)
SELECT m.* FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
  JOIN message m ON m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id
 ORDER BY m.id;

-- name: message_claim (hot)
-- The claim is the intent: it is committed before the first byte leaves.
UPDATE message AS m
   SET status = 'sending', lane = $3, fence = $4, attempt = m.attempt + 1, claimed_at = $5, in_doubt_at = NULL
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = 'queued'
RETURNING m.*;

-- name: claim_insert (hot)
-- One row for a batch of claims: after a crash it names every message that may be in doubt, without an index on what changes.
INSERT INTO claim (bucket, id, lane, fence, buckets, ids) VALUES ($1, $2, $3, $4, $5, $6);

-- name: claim_done (hot)
DELETE FROM claim WHERE bucket = ANY ($1::smallint[]) AND id = ANY ($2::bigint[]);

-- name: claims_left (hot)
-- What former owners of a lane had claimed and not seen answered.
SELECT id, buckets, ids FROM claim WHERE bucket = $1 AND lane = $2 AND fence < $3 ORDER BY id;

-- name: message_sent (hot)
-- The carrier took it. Fenced: a result of a former owner or attempt changes nothing.
UPDATE message AS m
   SET status = 'sent', sent_at = $6, updated_at = $6, in_doubt_at = NULL, carrier_message_ids = string_to_array(k.carrier_ids, E'\x1f')
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::text[]) AS k (bucket, id, fence, attempt, carrier_ids)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id
   AND m.status = 'sending' AND m.fence = k.fence AND m.attempt = k.attempt
RETURNING m.bucket, m.id;

-- name: message_requeue (hot)
-- Back to the queue, to be tried again. An attempt that never left is taken back.
UPDATE message AS m
   SET status = 'queued', in_doubt_at = NULL, attempt = m.attempt - k.taken_back
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[]) AS k (bucket, id, fence, attempt, taken_back)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id
   AND m.status = 'sending' AND m.fence = k.fence AND m.attempt = k.attempt
RETURNING m.bucket, m.id, m.lane, m.expires_at;

-- name: message_fail (hot)
-- Failed before it left. $5 names the states that may fail so; fence and attempt count only where they are given.
UPDATE message AS m
   SET status = 'failed', error_code = k.error_code, updated_at = $6, in_doubt_at = NULL
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $7::integer[]) AS k (bucket, id, fence, attempt, error_code)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = ANY ($5::text[])
   AND (k.fence IS NULL OR m.fence = k.fence AND m.attempt = k.attempt)
RETURNING m.*;

-- name: message_doubt (hot)
-- Bytes may have left and no answer came.
UPDATE message AS m SET in_doubt_at = $4
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS k (bucket, id, fence)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = 'sending' AND m.fence = k.fence
RETURNING m.*;

-- name: message_adopt (hot)
-- What a former owner of the lane left without an answer now belongs to this one.
UPDATE message AS m SET in_doubt_at = coalesce(m.in_doubt_at, $5), fence = $3
  FROM unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = 'sending' AND m.fence < $3 AND m.lane = $4
RETURNING m.*;

-- ─── receipts ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- name: receipt_match (hot)
-- The messages that receipts speak of, found by the person and the carrier's id; ids before $4 are too old to look at.
-- OFFSET 0 keeps the planner from turning the look-up of each person into one walk over everybody while there are few.
SELECT k.ord, m.*
  FROM unnest($1::smallint[], $2::text[], $3::text[]) WITH ORDINALITY AS k (bucket, recipient, carrier_message_id, ord)
 CROSS JOIN LATERAL (SELECT * FROM message AS o
                      WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient
                        AND o.id >= $4 AND k.carrier_message_id = ANY (o.carrier_message_ids) OFFSET 0) AS m;

-- name: doubt_match (hot)
-- Messages to a person that were never answered, oldest first: what an unknown receipt may speak of.
SELECT k.ord, m.*
  FROM unnest($1::smallint[], $2::text[]) WITH ORDINALITY AS k (bucket, recipient, ord)
 CROSS JOIN LATERAL (SELECT * FROM message AS o
                      WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient
                        AND o.id >= $3 AND o.status = 'sending' AND o.in_doubt_at IS NOT NULL OFFSET 0) AS m
 ORDER BY m.claimed_at, m.id;

-- name: receipt_apply (hot)
-- Forward only: what was read must still be so, otherwise the caller reads again.
UPDATE message AS m
   SET status = k.status, segment_states = string_to_array(k.states, ','), error_code = k.error_code, updated_at = $8,
       carrier_message_ids = string_to_array(k.carrier_ids, E'\x1f'), sent_at = coalesce(m.sent_at, $8), in_doubt_at = NULL
  FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $9::text[])
       AS k (bucket, id, status_before, states_before, status, states, error_code, carrier_ids)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = k.status_before
   AND array_to_string(m.segment_states, ',') IS NOT DISTINCT FROM k.states_before
RETURNING m.bucket, m.id;

-- name: orphan_insert (hot)
-- A receipt for which no message is known yet: the answer to its submission may still be on its way.
INSERT INTO receipt_orphan (bucket, id, lane, recipient, sender, carrier_message_id, state, error_code, reference, submitted_at, done_at)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[],
                     $9::integer[], $10::timestamptz[], $11::timestamptz[]);

-- name: orphan_take (hot)
-- Receipts that came before the message they speak of was known; with no carrier id named, all of the person's.
DELETE FROM receipt_orphan AS o
 USING unnest($1::smallint[], $2::text[], $3::text[]) AS k (bucket, recipient, carrier_message_id)
 WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient
   AND (k.carrier_message_id IS NULL OR o.carrier_message_id = k.carrier_message_id)
RETURNING o.*;

-- name: orphan_exists (fan-out)
-- Whether there is any at all: most of the time there is none, and nobody needs to look per message.
SELECT EXISTS (SELECT FROM receipt_orphan);

-- name: orphan_purge (fan-out)
-- Receipts that nobody claimed for long.
DELETE FROM receipt_orphan WHERE id < $1;

-- ─── callbacks ───────────────────────────────────────────────────────────────────────────────────────────────────────

-- name: callback_insert (hot)
-- Beside the change that it tells of.
INSERT INTO status_callback (bucket, id, account_id, message_id, url, payload, due_at, attempt)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::smallint[]);

-- name: callback_done (hot)
-- Taken by the customer, or given up.
DELETE FROM status_callback AS c
 USING unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE c.bucket = ANY ($1) AND c.bucket = k.bucket AND c.id = k.id;

-- name: callback_postpone (hot)
UPDATE status_callback AS c SET attempt = k.attempt, due_at = k.due_at
  FROM unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::timestamptz[]) AS k (bucket, id, attempt, due_at)
 WHERE c.bucket = ANY ($1) AND c.bucket = k.bucket AND c.id = k.id;

-- name: callback_claim (fan-out)
-- What nobody has posted while it was leased. `due_at` is looked at again in the UPDATE: of two who found a row, the second
-- waits for the first, sees it moved ahead and leaves it.
WITH due AS MATERIALIZED (
    SELECT bucket, id FROM status_callback WHERE due_at <= $1 ORDER BY due_at, id LIMIT $3
)
UPDATE status_callback AS c SET due_at = $2
  FROM due
 WHERE c.bucket = due.bucket AND c.id = due.id AND c.due_at <= $1
RETURNING c.bucket, c.id, c.account_id, c.message_id, c.url, c.payload, c.due_at, c.attempt;

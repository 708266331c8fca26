-- Services and who is in their pools.

-- name: service_insert (reference)
INSERT INTO service (sid, account_id, friendly_name, inbound_request_url, inbound_method, fallback_url, fallback_method,
                     status_callback, sticky_sender, mms_converter, smart_encoding, scan_message_content,
                     fallback_to_long_code, area_code_geomatch, synchronous_validation, validity_period, usecase,
                     use_inbound_webhook_on_number, status_callback_events, in_doubt, explicit_from_sticks, sticky_ttl_days,
                     sticky_inbound, require_a2p, sticky_overflow, segments_per_s, daily_segments, sticky_ttl_hours,
                     us_app_to_person_registered, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
        $27, $28, false, $29, $29)
RETURNING id;

-- name: service_by_sid (reference)
SELECT s.*, g.sticky_ttl_days AS space_ttl_days, g.sticky_ttl_hours AS space_ttl_hours, g.hides_since AS space_hides_since
  FROM service s LEFT JOIN sticky_space g ON g.id = s.space_id
 WHERE s.account_id = $1 AND s.sid = $2 AND s.deleted_at IS NULL;

-- name: service_by_id (reference)
SELECT s.*, g.sticky_ttl_days AS space_ttl_days, g.sticky_ttl_hours AS space_ttl_hours, g.hides_since AS space_hides_since
  FROM service s LEFT JOIN sticky_space g ON g.id = s.space_id
 WHERE s.id = $1 AND s.deleted_at IS NULL;

-- name: service_page_down (reference)
SELECT s.*, g.sticky_ttl_days AS space_ttl_days, g.sticky_ttl_hours AS space_ttl_hours, g.hides_since AS space_hides_since
  FROM service s LEFT JOIN sticky_space g ON g.id = s.space_id
 WHERE s.account_id = $1 AND s.deleted_at IS NULL AND s.id < $2::bigint ORDER BY s.id DESC LIMIT $3;

-- name: service_page_up (reference)
SELECT s.*, g.sticky_ttl_days AS space_ttl_days, g.sticky_ttl_hours AS space_ttl_hours, g.hides_since AS space_hides_since
  FROM service s LEFT JOIN sticky_space g ON g.id = s.space_id
 WHERE s.account_id = $1 AND s.deleted_at IS NULL AND s.id > $2::bigint ORDER BY s.id LIMIT $3;

-- name: service_hold (reference)
-- Hold a service until the commit. An UPDATE that changes nothing, because a cluster locks a reference table's row so and only so.
UPDATE service SET generation = generation WHERE id = $1 AND deleted_at IS NULL RETURNING id;

-- name: service_hold_by_sid (reference)
UPDATE service SET generation = generation WHERE account_id = $1 AND sid = $2 AND deleted_at IS NULL RETURNING id;

-- name: service_update (reference)
UPDATE service
   SET friendly_name = $2, inbound_request_url = $3, inbound_method = $4, fallback_url = $5, fallback_method = $6,
       status_callback = $7, sticky_sender = $8, mms_converter = $9, smart_encoding = $10, scan_message_content = $11,
       fallback_to_long_code = $12, area_code_geomatch = $13, synchronous_validation = $14, validity_period = $15,
       usecase = $16, use_inbound_webhook_on_number = $17, status_callback_events = $18, in_doubt = $19,
       explicit_from_sticks = $20, sticky_ttl_days = $21, sticky_inbound = $22, require_a2p = $23, sticky_overflow = $24,
       segments_per_s = $25, daily_segments = $26, sticky_ttl_hours = $27, updated_at = $28, generation = generation + 1
 WHERE id = $1;

-- name: service_pause (reference)
-- The operator's word, whosever service it is.
UPDATE service SET paused = $2, updated_at = $3, generation = generation + 1 WHERE sid = $1 AND deleted_at IS NULL RETURNING id;

-- name: service_delete (reference)
UPDATE service SET deleted_at = $3, updated_at = $3, generation = generation + 1
 WHERE account_id = $1 AND sid = $2 AND deleted_at IS NULL RETURNING id;

-- name: pool_changed (reference)
-- Whoever shares its space sees it too. Services' rows are held before spaces', everywhere.
WITH changed AS (
    UPDATE service SET generation = generation + 1 WHERE id = $1
    RETURNING space_id)
UPDATE sticky_space SET generation = generation + 1 WHERE id IN (SELECT space_id FROM changed);

-- name: pool_changed_of_sender (reference)
WITH changed AS (
    UPDATE service AS s SET generation = s.generation + 1
      FROM pool_member m WHERE m.sender_id = $1 AND m.removed_at IS NULL AND s.id = m.service_id
    RETURNING s.space_id)
UPDATE sticky_space SET generation = generation + 1 WHERE id IN (SELECT space_id FROM changed);

-- name: member_insert (reference)
INSERT INTO pool_member (service_id, sender_id, added_at) VALUES ($1, $2, $3) RETURNING id;

-- name: member_count (reference)
SELECT count(*) FROM pool_member WHERE service_id = $1 AND removed_at IS NULL;

-- name: member_name_taken (reference)
-- Whether a pool has its one name already, or one for this country.
SELECT EXISTS (SELECT FROM pool_member m JOIN sender n ON n.id = m.sender_id
                WHERE m.service_id = $1 AND m.removed_at IS NULL AND n.kind = $2 AND n.country = $3);

-- name: member_service_of_sender (reference)
SELECT service_id FROM pool_member WHERE sender_id = $1 AND removed_at IS NULL;

-- name: member_by_sid (reference)
SELECT n.*, m.id AS member_id, m.service_id, m.added_at, m.clearance, m.retiring, m.daily_contacts,
       m.weight, m.state, m.drain_day, m.drain_days, m.replaces
  FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = $1 AND n.sid = $2 AND m.removed_at IS NULL;

-- name: member_all (reference)
SELECT n.*, m.id AS member_id, m.service_id, m.added_at, m.clearance, m.retiring, m.daily_contacts,
       m.weight, m.state, m.drain_day, m.drain_days, m.replaces
  FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = $1 AND m.removed_at IS NULL ORDER BY m.id;

-- name: member_page_down (reference)
SELECT n.*, m.id AS member_id, m.service_id, m.added_at, m.clearance, m.retiring, m.daily_contacts,
       m.weight, m.state, m.drain_day, m.drain_days, m.replaces
  FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = $1 AND m.removed_at IS NULL AND n.kind = ANY ($2::text[]) AND ($3::text IS NULL OR n.country = $3)
   AND m.id < $4::bigint ORDER BY m.id DESC LIMIT $5;

-- name: member_page_up (reference)
SELECT n.*, m.id AS member_id, m.service_id, m.added_at, m.clearance, m.retiring, m.daily_contacts,
       m.weight, m.state, m.drain_day, m.drain_days, m.replaces
  FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = $1 AND m.removed_at IS NULL AND n.kind = ANY ($2::text[]) AND ($3::text IS NULL OR n.country = $3)
   AND m.id > $4::bigint ORDER BY m.id LIMIT $5;

-- name: member_update (reference)
UPDATE pool_member AS m
   SET daily_contacts = $3, weight = $4, state = $5, drain_day = $6, drain_days = $7, replaces = $8
  FROM sender n
 WHERE m.service_id = $1 AND n.sid = $2 AND m.sender_id = n.id AND m.removed_at IS NULL
RETURNING m.id;

-- name: member_remove (reference)
-- One row, and every mapping that points at it is dead.
UPDATE pool_member AS m SET removed_at = $3
  FROM sender n
 WHERE m.service_id = $1 AND n.sid = $2 AND m.sender_id = n.id AND m.removed_at IS NULL
RETURNING m.id;

-- name: member_remove_all (reference)
UPDATE pool_member SET removed_at = $2 WHERE service_id = $1 AND removed_at IS NULL RETURNING id;

-- name: member_remove_of_sender (reference)
UPDATE pool_member SET removed_at = $2 WHERE sender_id = $1 AND removed_at IS NULL RETURNING id, service_id;

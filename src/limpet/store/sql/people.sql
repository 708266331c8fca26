-- All that an account has of one person: found for an export, and erased (rules S-110 to S-116). What hangs on a message is found by
-- the messages' ids, what is the person's own by their address.

-- name: people_services (reference)
-- Deleted ones too: their history names people. Spaces have mappings and history as services do.
SELECT id, sid FROM service WHERE account_id = $1 UNION ALL SELECT id, sid FROM sticky_space WHERE account_id = $1;

-- name: people_on_their_way (hot)
-- Messages that are not erased before they have come to an end ($4 are the statuses that are one). OFFSET 0 keeps to the person's.
SELECT m.* FROM (SELECT * FROM message WHERE bucket = $1 AND recipient = $2 OFFSET 0) AS m
 WHERE m.account_id = $3 AND m.status <> ALL ($4::text[]) ORDER BY m.id LIMIT $5;

-- name: people_messages (hot)
-- Both directions, oldest first, from an id on.
SELECT * FROM message WHERE bucket = $1 AND recipient = $2 AND account_id = $3 AND id > $4 ORDER BY id LIMIT $5;

-- name: people_messages_erase (hot)
-- Only what is still at its end.
DELETE FROM message WHERE bucket = $1 AND id = ANY ($2::bigint[]) AND status = ANY ($3::text[]) RETURNING *;

-- name: people_feedback (hot)
SELECT message_id, outcome, created_at, updated_at FROM feedback WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_feedback_erase (hot)
DELETE FROM feedback WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_media (hot)
SELECT message_id, position, url, content_type FROM message_media WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_media_erase (hot)
DELETE FROM message_media WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_mms_erase (hot)
DELETE FROM message_mms WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_links (hot)
SELECT message_id, code, url, clicks FROM message_link WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_links_erase (hot)
DELETE FROM message_link WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_media_links_erase (fan-out)
-- The bucket of a link is its code's.
DELETE FROM media_link WHERE message_bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_short_links_erase (fan-out)
DELETE FROM short_link WHERE message_bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_keys (fan-out)
-- The bucket of a customer's key is the key's.
SELECT message_id, key FROM idempotency_key WHERE message_bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_keys_erase (fan-out)
DELETE FROM idempotency_key WHERE message_bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_deliveries (hot)
SELECT message_id, kind AS type, method, url, payload, attempt, outcome, http_status, failure FROM webhook_delivery
 WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_deliveries_erase (hot)
DELETE FROM webhook_delivery WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_callbacks (hot)
SELECT message_id, kind AS type, method, url, payload, attempt FROM status_callback WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_callbacks_erase (hot)
DELETE FROM status_callback WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_smpp_deliveries (hot)
SELECT message_id, esme, kind AS type, payload FROM smpp_delivery WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_smpp_deliveries_erase (hot)
DELETE FROM smpp_delivery WHERE bucket = $1 AND message_id = ANY ($2::bigint[]);

-- name: people_stray_deliveries (hot)
-- Tries that name the person ($3, the digits; a longer number is another one), and whose message is gone: they were written down just
-- after it. A form and JSON spell the plus in two ways.
SELECT d.id, d.kind AS type, d.method, d.url, d.payload, d.attempt, d.outcome, d.http_status, d.failure 
  FROM (SELECT * FROM webhook_delivery WHERE bucket = $1 OFFSET 0) AS d
 WHERE d.account_id = $2 AND (d.payload ~ ('(\+|%2[Bb])' || $3 || '($|[^0-9])')
     OR d.url ~ ('(\+|%2[Bb])' || $3 || '($|[^0-9])'))
   AND NOT EXISTS (SELECT FROM message m WHERE m.bucket = $1 AND m.id = d.message_id) ORDER BY d.id LIMIT $4;

-- name: people_stray_deliveries_erase (hot)
DELETE FROM webhook_delivery WHERE bucket = $1 AND id = ANY ($2::bigint[]);

-- name: people_stray_callbacks (hot)
-- The same of what is still owed: a message that is deleted alone leaves it.
SELECT c.id, c.kind AS type, c.method, c.url, c.payload, c.attempt FROM status_callback c
 WHERE c.bucket = $1 AND c.account_id = $2 AND (c.payload ~ ('(\+|%2[Bb])' || $3 || '($|[^0-9])')
     OR c.url ~ ('(\+|%2[Bb])' || $3 || '($|[^0-9])'))
   AND NOT EXISTS (SELECT FROM message m WHERE m.bucket = $1 AND m.id = c.message_id) ORDER BY c.id LIMIT $4;

-- name: people_stray_callbacks_erase (hot)
DELETE FROM status_callback WHERE bucket = $1 AND id = ANY ($2::bigint[]);

-- name: people_stray_smpp_deliveries (hot)
SELECT s.id, s.esme, s.kind AS type, s.payload FROM smpp_delivery s
 WHERE s.bucket = $1 AND s.account_id = $2 AND s.payload ~ ('(\+|%2[Bb])' || $3 || '($|[^0-9])')
   AND NOT EXISTS (SELECT FROM message m WHERE m.bucket = $1 AND m.id = s.message_id) ORDER BY s.id LIMIT $4;

-- name: people_stray_smpp_deliveries_erase (hot)
DELETE FROM smpp_delivery WHERE bucket = $1 AND id = ANY ($2::bigint[]);

-- name: people_mappings (hot)
SELECT m.service_id, n.address AS sender, m.created_day, m.last_used_day, m.flags
  FROM sticky_mapping m
  LEFT JOIN pool_member p ON p.id = m.member_id
  LEFT JOIN sender n ON n.id = p.sender_id
 WHERE m.bucket = $1 AND m.service_id = ANY ($3::integer[]) AND m.recipient = $2;

-- name: people_mappings_erase (hot)
-- Without an event, which would name the person again (rule S-113).
DELETE FROM sticky_mapping WHERE bucket = $1 AND service_id = ANY ($3::integer[]) AND recipient = $2;

-- name: people_imports_staged (hot)
-- Lines of imports that are under way.
SELECT i.service_id, i.sid AS import_sid, s.created_day, s.last_used_day, s.flags
  FROM sticky_staged s JOIN sticky_import i ON i.id = s.import_id
 WHERE s.bucket = $1 AND i.service_id = ANY ($3::integer[]) AND s.recipient = $2;

-- name: people_imports_staged_erase (hot)
DELETE FROM sticky_staged AS s USING sticky_import i
 WHERE s.bucket = $1 AND i.id = s.import_id AND i.service_id = ANY ($3::integer[]) AND s.recipient = $2;

-- name: people_imports_before (hot)
-- What imports put something else in the place of, kept so that they can be taken back.
SELECT i.service_id, i.sid AS import_sid, b.created_day, b.last_used_day, b.flags
  FROM sticky_import_before b JOIN sticky_import i ON i.id = b.import_id
 WHERE b.bucket = $1 AND i.service_id = ANY ($3::integer[]) AND b.recipient = $2;

-- name: people_imports_before_erase (hot)
DELETE FROM sticky_import_before AS b USING sticky_import i
 WHERE b.bucket = $1 AND i.id = b.import_id AND i.service_id = ANY ($3::integer[]) AND b.recipient = $2;

-- name: people_moves (hot)
-- That rebalances moved them, kept so that it can be undone.
SELECT r.service_id, r.sid AS rebalance_sid, v.created_day
  FROM sticky_rebalance_move v JOIN sticky_rebalance r ON r.id = v.rebalance_id
 WHERE v.bucket = $1 AND r.service_id = ANY ($3::integer[]) AND v.recipient = $2;

-- name: people_moves_erase (hot)
DELETE FROM sticky_rebalance_move AS v USING sticky_rebalance r
 WHERE v.bucket = $1 AND r.id = v.rebalance_id AND r.service_id = ANY ($3::integer[]) AND v.recipient = $2;

-- name: people_notices (hot)
-- That they are to be told of the number that took the place of theirs.
SELECT w.service_id, n.tried_at FROM swap_notice n JOIN number_swap w ON w.id = n.swap_id
 WHERE n.bucket = $1 AND w.service_id = ANY ($3::integer[]) AND n.recipient = $2;

-- name: people_notices_erase (hot)
DELETE FROM swap_notice AS n USING number_swap w
 WHERE n.bucket = $1 AND w.id = n.swap_id AND w.service_id = ANY ($3::integer[]) AND n.recipient = $2;

-- name: people_import_problems (fan-out)
-- Lines that were not taken are kept as they were, in the bucket of their import; $2 are the digits of a number in them.
SELECT i.service_id, i.sid AS import_sid, p.line, p.why, p.what
  FROM sticky_import_problem p JOIN sticky_import i ON i.id = p.import_id
 WHERE i.service_id = ANY ($1::integer[]) AND strpos(p.what, $2) > 0;

-- name: people_import_problems_erase (fan-out)
DELETE FROM sticky_import_problem AS p USING sticky_import i
 WHERE i.id = p.import_id AND i.service_id = ANY ($1::integer[]) AND strpos(p.what, $2) > 0;

-- name: people_events (hot)
SELECT id, service_id, kind AS type, cause, sender_before, sender_after, actor, reason FROM sticky_event
 WHERE bucket = $1 AND recipient = $2 AND service_id = ANY ($3::integer[]) AND id > $4 ORDER BY id LIMIT $5;

-- name: people_events_erase (hot)
DELETE FROM sticky_event WHERE bucket = $1 AND id = ANY ($2::bigint[]);

-- name: people_opt_outs (hot)
SELECT id, service_id, sender_id, keyword, origin FROM opt_out WHERE bucket = $1 AND recipient = $2 AND account_id = $3;

-- name: people_opt_outs_take (hot)
DELETE FROM opt_out WHERE bucket = $1 AND recipient = $2 AND account_id = $3
RETURNING id, service_id, sender_id, keyword, origin;

-- name: people_account_hashes (reference)
-- From the commit on, who sends by a number of the account looks under hashes too.
UPDATE account SET keeps_hashes = true WHERE id = $1 AND NOT keeps_hashes;

-- name: people_service_hashes (reference)
-- From the commit on, who sends through these services looks under hashes too.
UPDATE service SET keeps_hashes = true, generation = generation + 1 WHERE id = ANY ($1::integer[]) AND NOT keeps_hashes;

-- name: people_receipts (hot)
-- Of messages from a number that is the account's, or was so last.
SELECT o.lane, o.sender, o.carrier_message_id, o.state, o.error_code, o.submitted_at, o.done_at FROM receipt_orphan o
  JOIN sender n ON n.address = o.sender AND n.account_id = $3
 WHERE o.bucket = $1 AND o.recipient = $2
   AND NOT EXISTS (SELECT FROM sender l WHERE l.address = n.address AND l.id > n.id);

-- name: people_receipts_erase (hot)
DELETE FROM receipt_orphan o USING sender n
 WHERE o.bucket = $1 AND o.recipient = $2 AND n.address = o.sender AND n.account_id = $3
   AND NOT EXISTS (SELECT FROM sender l WHERE l.address = n.address AND l.id > n.id);

-- name: people_texts (hot)
SELECT o.sender, o.carrier, o.parts, o.given_on FROM inbound_text o
  JOIN sender n ON n.address = o.sender AND n.account_id = $3
 WHERE o.bucket = $1 AND o.recipient = $2
   AND NOT EXISTS (SELECT FROM sender l WHERE l.address = n.address AND l.id > n.id);

-- name: people_texts_erase (hot)
DELETE FROM inbound_text o USING sender n
 WHERE o.bucket = $1 AND o.recipient = $2 AND n.address = o.sender AND n.account_id = $3
   AND NOT EXISTS (SELECT FROM sender l WHERE l.address = n.address AND l.id > n.id);

-- name: people_parts (hot)
SELECT esme, sender, reference, total, number, service_sid, pdu FROM smpp_part
 WHERE bucket = $1 AND recipient = $2 AND account_id = $3;

-- name: people_parts_erase (hot)
DELETE FROM smpp_part WHERE bucket = $1 AND recipient = $2 AND account_id = $3;

-- name: people_verified (reference)
SELECT true AS verified FROM account WHERE id = $1 AND $2 = ANY (verified);

-- name: people_verified_erase (reference)
UPDATE account SET verified = array_remove(verified, $2) WHERE id = $1 AND $2 = ANY (verified);

-- name: erased_receipt_insert (hot)
INSERT INTO erased_receipt (bucket, carrier, carrier_message_id, id)
SELECT k.bucket, k.carrier, k.carrier_message_id, $4
  FROM unnest($1::smallint[], $2::text[], $3::text[]) AS k (bucket, carrier, carrier_message_id)
 ORDER BY k.bucket, k.carrier COLLATE "C", k.carrier_message_id COLLATE "C"
    ON CONFLICT (bucket, carrier, carrier_message_id) DO NOTHING;

-- name: erased_receipt_find (hot)
-- Asked of receipts only of which no message is known.
SELECT e.bucket, e.carrier, e.carrier_message_id FROM erased_receipt e
  JOIN unnest($1::smallint[], $2::text[], $3::text[]) AS k (bucket, carrier, carrier_message_id)
    ON e.bucket = ANY ($1) AND e.bucket = k.bucket AND e.carrier = k.carrier AND e.carrier_message_id = k.carrier_message_id;

-- name: erased_receipt_purge (fan-out)
DELETE FROM erased_receipt WHERE id < $1;

-- name: person_request_insert (reference)
INSERT INTO person_request (account_id, act, actor, created_at) VALUES ($1, $2, $3, $4) RETURNING id;

-- name: person_request_finish (reference)
UPDATE person_request SET counts = $2, finished_at = $3 WHERE id = $1;

-- name: person_request_page_down (reference)
SELECT * FROM person_request WHERE account_id = $1 AND id < $2::bigint ORDER BY id DESC LIMIT $3;

-- name: person_request_page_up (reference)
SELECT * FROM person_request WHERE account_id = $1 AND id > $2::bigint ORDER BY id LIMIT $3;

-- A development server that begins anew between two tests: nothing of what was sent and heard is left, all of what was set up stays.

-- name: emptying_is_quiet (fan-out)
-- Whether nothing is on its way: no message that has not left yet, no callback that has not been tried yet.
SELECT NOT EXISTS (SELECT FROM message WHERE status IN ('accepted', 'queued', 'sending'))
   AND NOT EXISTS (SELECT FROM status_callback WHERE attempt = 0) AS quiet;

-- name: emptying_all (fan-out)
-- Everything that people, messages and what became of them have left behind.
WITH m AS (DELETE FROM message),
     a AS (DELETE FROM message_due),
     b AS (DELETE FROM claim),
     c AS (DELETE FROM receipt_orphan),
     d AS (DELETE FROM status_callback),
     e AS (DELETE FROM sticky_mapping),
     f AS (DELETE FROM sticky_event),
     g AS (DELETE FROM opt_out),
     h AS (DELETE FROM idempotency_key),
     i AS (DELETE FROM feedback),
     j AS (DELETE FROM message_media),
     k AS (DELETE FROM media_link),
     l AS (DELETE FROM message_mms),
     n AS (DELETE FROM message_link),
     o AS (DELETE FROM short_link),
     p AS (DELETE FROM webhook_delivery),
     q AS (DELETE FROM inbound_seen),
     r AS (DELETE FROM inbound_text),
     s AS (DELETE FROM smpp_delivery),
     t AS (DELETE FROM smpp_part),
     u AS (DELETE FROM tally),
     v AS (DELETE FROM member_hour),
     w AS (DELETE FROM erased_receipt),
     x AS (DELETE FROM sticky_staged),
     y AS (DELETE FROM sticky_import_problem),
     z AS (DELETE FROM sticky_import_before),
     aa AS (DELETE FROM sticky_import),
     ab AS (DELETE FROM swap_notice),
     ac AS (DELETE FROM sticky_rebalance_move),
     ad AS (DELETE FROM sticky_rebalance_quota),
     ae AS (DELETE FROM sticky_rebalance)
DELETE FROM person_request;

-- name: emptying_senders (reference)
-- No number has fared badly so far, and no carrier refuses one; the pools that this changes are others now.
WITH refused AS (DELETE FROM member_refused RETURNING member_id),
     failing AS (UPDATE pool_member SET failing_since = NULL WHERE failing_since IS NOT NULL RETURNING id),
     changed AS (SELECT member_id FROM refused UNION SELECT id FROM failing),
     moved AS (UPDATE service AS s SET generation = s.generation + 1
                 FROM changed JOIN pool_member m ON m.id = changed.member_id WHERE s.id = m.service_id RETURNING s.space_id)
UPDATE sticky_space SET generation = generation + 1 WHERE id IN (SELECT space_id FROM moved);

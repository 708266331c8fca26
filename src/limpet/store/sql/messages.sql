-- Messages: written, fetched, listed, changed.

-- name: plain_senders (hot)
-- Which of these numbers an account owns, since a plain From must be one; and whether the person opted out of the number, or of
-- the service whose pool it is in, whether registration keeps the number from writing to the United States, and out of which
-- campaign's share it writes there.
SELECT k.ord, n.address, n.kind, n.carrier, n.country, n.capabilities, n.also_through,
       coalesce(p.clearance <> 'clear', n.a2p_held) AS unregistered, c.id AS campaign_id, c.brand_id, c.limits AS campaign_limits,
       o.bucket IS NOT NULL OR w.bucket IS NOT NULL AS opted_out, n.id AS sender_id, p.service_id, a.keeps_hashes
  FROM unnest($1::integer[], $2::text[], $3::smallint[], $4::text[]) WITH ORDINALITY
       AS k (account_id, address, bucket, recipient, ord)
  JOIN sender n ON n.address = k.address AND n.account_id = k.account_id AND n.released_at IS NULL
  JOIN account a ON a.id = n.account_id
  LEFT JOIN pool_member p ON p.sender_id = n.id AND p.removed_at IS NULL
  LEFT JOIN campaign c ON c.service_id = p.service_id AND c.deleted_at IS NULL
  LEFT JOIN opt_out o ON o.bucket = ANY ($3) AND o.bucket = k.bucket
       AND o.recipient = k.recipient AND o.service_id = 0 AND o.sender_id = n.id
  LEFT JOIN opt_out w ON w.bucket = ANY ($3) AND w.bucket = k.bucket
       AND w.recipient = k.recipient AND w.service_id = p.service_id AND w.sender_id = 0;

-- name: owners_of (reference)
-- Whose numbers these are, the service whose pool each is in, and where both have their texts sent on to: by HTTP, and by SMPP to
-- credentials of the account that have no service, or this one.
SELECT n.address, n.account_id, p.service_id, n.sms_url, n.sms_method, n.sms_fallback_url, n.sms_fallback_method,
       s.use_inbound_webhook_on_number, s.inbound_request_url, s.inbound_method, s.fallback_url, s.fallback_method,
       coalesce(s.sticky_inbound, 'off') <> 'off' AS heard,
       ARRAY(SELECT c.system_id FROM smpp_credential c
              WHERE c.account_id = n.account_id AND c.inbound AND (c.service_id IS NULL OR c.service_id = p.service_id)
              ORDER BY c.id) AS esmes,
       CASE WHEN g.id IS NULL THEN s.hides_since ELSE g.hides_since END IS NOT NULL AS hides
  FROM sender n
  LEFT JOIN pool_member p ON p.sender_id = n.id AND p.removed_at IS NULL
  LEFT JOIN service s ON s.id = p.service_id
  LEFT JOIN sticky_space g ON g.id = s.space_id
 WHERE n.address = ANY ($1::text[]) AND n.released_at IS NULL;

-- name: message_insert (hot)
INSERT INTO message (bucket, id, account_id, service_id, member_id, direction, status, recipient, sender, body, num_segments,
                     send_at, expires_at, status_callback, callback_events, reason, sticky, rejections, error_code,
                     lane, fence, attempt, claimed_at, num_media, marks, updated_at)
SELECT k.*, $26 FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::integer[], $5::integer[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::smallint[], $12::timestamptz[], $13::timestamptz[], $14::text[], $15::text[],
    $16::text[], $17::text[], $18::text[], $19::integer[], $20::text[], $21::bigint[], $22::smallint[], $23::timestamptz[], $24::smallint[],
    $25::smallint[]) AS k;

-- name: message_bind (hot)
-- A scheduled message that has become due gets its sender, or fails for want of one; a canceled one stays canceled.
UPDATE message AS m
   SET status = k.status, member_id = k.member_id, sender = k.sender, num_segments = k.num_segments, lane = k.lane,
       fence = k.fence, attempt = k.attempt, claimed_at = k.claimed_at, reason = k.reason, sticky = k.sticky,
       rejections = k.rejections, error_code = k.error_code, body = k.body, updated_at = $14
  FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::integer[], $5::text[], $6::smallint[], $7::text[], $8::bigint[],
              $9::smallint[], $10::timestamptz[], $11::text[], $12::text[], $13::text[], $15::integer[], $16::text[])
       AS k (bucket, id, status, member_id, sender, num_segments, lane, fence, attempt, claimed_at, reason, sticky, rejections,
             error_code, body)
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

-- name: message_tlvs (hot)
-- Of texts that carriers have said more of; a statement of its own, since hardly any have.
UPDATE message AS m SET tlvs = k.tlvs::jsonb
  FROM unnest($1::smallint[], $2::bigint[], $3::text[]) AS k (bucket, id, tlvs)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id;

-- name: message_body_redact (hot)
UPDATE message SET body = '', tlvs = NULL, updated_at = $4 WHERE bucket = $1 AND id = $2 AND account_id = $3 AND status = ANY ($5::text[])
RETURNING *;

-- name: message_cancel (hot)
UPDATE message SET status = 'canceled', updated_at = $4
 WHERE bucket = $1 AND id = $2 AND account_id = $3 AND status = 'scheduled' RETURNING *;

-- name: message_delete (hot)
DELETE FROM message WHERE bucket = $1 AND id = $2 AND account_id = $3 AND status = ANY ($4::text[])
RETURNING service_id, member_id, recipient, status, sticky, num_media, marks;

-- Customers who speak SMPP.

-- name: smpp_credential_insert (reference)
INSERT INTO smpp_credential (sid, account_id, friendly_name, system_id, password_hash, service_id, networks, inbound, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *, (SELECT sid FROM service WHERE id = $6) AS service_sid;

-- name: smpp_credential_fetch (reference)
SELECT c.*, s.sid AS service_sid FROM smpp_credential c LEFT JOIN service s ON s.id = c.service_id
 WHERE c.account_id = $1 AND c.sid = $2;

-- name: smpp_credential_page_down (reference)
SELECT c.*, s.sid AS service_sid FROM smpp_credential c LEFT JOIN service s ON s.id = c.service_id
 WHERE c.account_id = $1 AND c.id < $2::bigint ORDER BY c.id DESC LIMIT $3;

-- name: smpp_credential_page_up (reference)
SELECT c.*, s.sid AS service_sid FROM smpp_credential c LEFT JOIN service s ON s.id = c.service_id
 WHERE c.account_id = $1 AND c.id > $2::bigint ORDER BY c.id LIMIT $3;

-- name: smpp_credential_delete (reference)
DELETE FROM smpp_credential WHERE account_id = $1 AND sid = $2 RETURNING system_id;

-- name: smpp_esmes (reference)
-- Who may bind under these names, system_ids and API keys alike: the secret's hash, the account, what the credential says.
SELECT a.*, o.status AS owner_status, c.system_id AS esme, c.password_hash AS secret_hash, s.sid AS service_sid, c.networks
  FROM smpp_credential c
  JOIN account a ON a.id = c.account_id
  LEFT JOIN account o ON o.sid = a.owner_sid
  LEFT JOIN service s ON s.id = c.service_id
 WHERE c.system_id = ANY ($1::text[])
 UNION ALL
SELECT a.*, o.status, k.sid, k.secret_hash, NULL, '{}'
  FROM api_key k JOIN account a ON a.id = k.account_id LEFT JOIN account o ON o.sid = a.owner_sid
 WHERE k.sid = ANY ($1::text[]);

-- name: smpp_service_named (reference)
-- A service of the account by its SID, or by a name that no other service of the account has.
SELECT min(sid) FROM service
 WHERE account_id = $1 AND deleted_at IS NULL AND (sid = $2 OR friendly_name = $2) HAVING count(*) = 1;

-- name: smpp_delivery_insert (hot)
-- Beside the change, or the text, that it tells of.
INSERT INTO smpp_delivery (bucket, id, account_id, message_id, esme, asked, kind, payload, attempt, due_at)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::smallint[], $10::timestamptz[]);

-- name: smpp_delivery_claim (fan-out)
-- For each customer who is bound as many as there is room for, the oldest first. `due_at` is looked at again in the UPDATE, so
-- that of two processes which found a row one gets it.
WITH due AS MATERIALIZED (
    SELECT d.bucket, d.id
      FROM unnest($3::text[], $4::integer[]) AS k (esme, room)
     CROSS JOIN LATERAL (SELECT bucket, id FROM smpp_delivery AS o
                          WHERE o.esme = k.esme AND o.due_at <= $1 ORDER BY o.due_at, o.id LIMIT k.room) AS d
)
UPDATE smpp_delivery AS s SET due_at = $2
  FROM due
 WHERE s.bucket = due.bucket AND s.id = due.id AND s.due_at <= $1
RETURNING s.bucket, s.id, s.account_id, s.message_id, s.esme, s.asked, s.kind, s.payload, s.attempt, s.due_at;

-- name: smpp_delivery_done (hot)
-- Acknowledged by the customer, or refused for good.
DELETE FROM smpp_delivery AS s
 USING unnest($1::smallint[], $2::bigint[]) AS k (bucket, id)
 WHERE s.bucket = ANY ($1) AND s.bucket = k.bucket AND s.id = k.id;

-- name: smpp_delivery_postpone (hot)
UPDATE smpp_delivery AS s SET attempt = k.attempt, due_at = k.due_at
  FROM unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::timestamptz[]) AS k (bucket, id, attempt, due_at)
 WHERE s.bucket = ANY ($1) AND s.bucket = k.bucket AND s.id = k.id;

-- name: smpp_delivery_purge (fan-out)
-- What nobody has come for.
DELETE FROM smpp_delivery WHERE id < $1;

-- name: smpp_part_insert (hot)
-- A part that comes again takes the place of the one before.
INSERT INTO smpp_part AS p (bucket, id, account_id, esme, recipient, sender, reference, total, number, service_sid, pdu)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::integer[],
                     $8::smallint[], $9::smallint[], $10::text[], $11::bytea[])
    ON CONFLICT (bucket, esme, recipient, sender, reference, total, number)
    DO UPDATE SET id = excluded.id, service_sid = excluded.service_sid, pdu = excluded.pdu;

-- name: smpp_part_group (hot)
-- Everything that has come of these long messages.
SELECT k.ord, p.*
  FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::smallint[]) WITH ORDINALITY
       AS k (bucket, esme, recipient, sender, reference, total, ord)
  JOIN smpp_part p ON p.bucket = ANY ($1) AND p.bucket = k.bucket AND p.esme = k.esme AND p.recipient = k.recipient
       AND p.sender = k.sender AND p.reference = k.reference AND p.total = k.total
 ORDER BY k.ord, p.number;

-- name: smpp_part_delete (hot)
-- What has become a message, or is given up. A part that has come anew since then has another id and stays.
DELETE FROM smpp_part AS p
 USING unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::smallint[], $7::smallint[], $8::bigint[])
       AS k (bucket, esme, recipient, sender, reference, total, number, id)
 WHERE p.bucket = ANY ($1) AND p.bucket = k.bucket AND p.esme = k.esme AND p.recipient = k.recipient
   AND p.sender = k.sender AND p.reference = k.reference AND p.total = k.total AND p.number = k.number AND p.id = k.id
RETURNING p.bucket, p.id;

-- name: smpp_part_old (fan-out)
-- Parts of messages whose latest part is older than $1, at most $2 messages.
SELECT p.* FROM smpp_part p
  JOIN (SELECT bucket, esme, recipient, sender, reference, total FROM smpp_part
         GROUP BY bucket, esme, recipient, sender, reference, total HAVING max(id) < $1 LIMIT $2) g
    ON p.bucket = g.bucket AND p.esme = g.esme AND p.recipient = g.recipient AND p.sender = g.sender
       AND p.reference = g.reference AND p.total = g.total
 ORDER BY p.bucket, p.id;

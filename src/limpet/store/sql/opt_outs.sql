-- Opt-outs: who must not be written to, and the words by which services hear it.

-- name: opt_out_insert (hot)
-- A person wants no more messages; who said so before keeps what is stored. In the order of the keys, like all batches.
INSERT INTO opt_out (bucket, id, account_id, service_id, sender_id, recipient, keyword, origin)
SELECT k.* FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::integer[], $5::integer[], $6::text[], $7::text[],
                       $8::text[]) AS k (bucket, id, account_id, service_id, sender_id, recipient, keyword, origin)
 ORDER BY k.bucket, k.recipient COLLATE "C", k.service_id, k.sender_id
    ON CONFLICT (bucket, recipient, service_id, sender_id) DO NOTHING
RETURNING bucket, recipient, service_id, sender_id;

-- name: opt_out_delete (hot)
-- A person wants messages again.
DELETE FROM opt_out AS o
 USING unnest($1::smallint[], $2::text[], $3::integer[], $4::integer[]) AS k (bucket, recipient, service_id, sender_id)
 WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient AND o.service_id = k.service_id
   AND o.sender_id = k.sender_id
RETURNING o.bucket, o.recipient, o.service_id, o.sender_id;

-- name: opt_out_find (hot)
SELECT o.* FROM opt_out o
  JOIN unnest($1::smallint[], $2::text[], $3::integer[], $4::integer[]) AS k (bucket, recipient, service_id, sender_id)
    ON o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient AND o.service_id = k.service_id
   AND o.sender_id = k.sender_id;

-- name: opt_out_page_down (fan-out)
-- A service's opt-outs, newest first: a list for people and for export.
SELECT * FROM opt_out WHERE service_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3;

-- name: opt_out_page_up (fan-out)
SELECT * FROM opt_out WHERE service_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: opt_out_senders (reference)
-- The numbers that keywords were sent to, with the service whose pool each is in.
SELECT n.address, n.id AS sender_id, n.account_id, n.kind, n.country, n.carrier, n.also_through, coalesce(p.service_id, 0) AS service_id
  FROM sender n LEFT JOIN pool_member p ON p.sender_id = n.id AND p.removed_at IS NULL
 WHERE n.address = ANY ($1::text[]) AND n.released_at IS NULL;

-- name: opt_out_settings_of (reference)
-- The words of the services in whose pools these numbers are.
SELECT n.address, s.advanced, s.sets
  FROM sender n
  JOIN pool_member p ON p.sender_id = n.id AND p.removed_at IS NULL
  JOIN opt_out_settings s ON s.service_id = p.service_id AND s.advanced
 WHERE n.address = ANY ($1::text[]) AND n.released_at IS NULL;

-- name: opt_out_settings_read (reference)
SELECT advanced, sets, updated_at FROM opt_out_settings WHERE service_id = $1;

-- name: opt_out_settings_write (reference)
INSERT INTO opt_out_settings (service_id, advanced, sets, updated_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (service_id) DO UPDATE SET advanced = excluded.advanced, sets = excluded.sets, updated_at = excluded.updated_at;

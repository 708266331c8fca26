-- Texts that come in parts, each part perhaps by another bind and to another process.

-- name: parts_open (hot)
-- A row a text, whoever sees its first part. In the order of the keys, as all locks on these rows are taken.
INSERT INTO inbound_text (bucket, recipient, sender, carrier, name, lane, due_at)
SELECT k.*, $6, $7 FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::text[])
                     AS k (bucket, recipient, sender, carrier, name)
 ORDER BY k.bucket, k.recipient COLLATE "C", k.sender COLLATE "C", k.carrier COLLATE "C", k.name COLLATE "C"
    ON CONFLICT (bucket, recipient, sender, carrier, name) DO NOTHING;

-- name: parts_lock (hot)
-- As they are once nobody else is adding to them: of two processes with the last two parts, the second sees both.
SELECT p.* FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::text[])
             AS k (bucket, recipient, sender, carrier, name)
  JOIN inbound_text p ON p.bucket = ANY ($1) AND p.bucket = k.bucket AND p.recipient = k.recipient AND p.sender = k.sender
       AND p.carrier = k.carrier AND p.name = k.name
 ORDER BY p.bucket, p.recipient, p.sender, p.carrier, p.name
   FOR UPDATE OF p;

-- name: parts_write (hot)
UPDATE inbound_text AS p SET parts = k.parts::jsonb, lane = k.lane, given_on = k.given_on, due_at = k.due_at,
       tlvs = k.tlvs::jsonb
  FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[],
              $9::timestamptz[], $10::text[])
       AS k (bucket, recipient, sender, carrier, name, parts, lane, given_on, due_at, tlvs)
 WHERE p.bucket = ANY ($1) AND p.bucket = k.bucket AND p.recipient = k.recipient AND p.sender = k.sender
   AND p.carrier = k.carrier AND p.name = k.name;

-- name: parts_forget (hot)
DELETE FROM inbound_text AS p
 USING unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::text[]) AS k (bucket, recipient, sender, carrier, name)
 WHERE p.bucket = ANY ($1) AND p.bucket = k.bucket AND p.recipient = k.recipient AND p.sender = k.sender
   AND p.carrier = k.carrier AND p.name = k.name;

-- name: parts_crowded (hot)
-- The people who have more than $3 texts unfinished.
SELECT p.recipient FROM inbound_text p
  JOIN unnest($1::smallint[], $2::text[]) AS k (bucket, recipient)
    ON p.bucket = ANY ($1) AND p.bucket = k.bucket AND p.recipient = k.recipient
 WHERE NOT p.given_on GROUP BY p.bucket, p.recipient HAVING count(*) > $3;

-- name: parts_due (fan-out)
-- Texts that have waited long enough for their missing parts, or are remembered long enough.
SELECT bucket, recipient, sender, carrier, name FROM inbound_text WHERE due_at <= $1 ORDER BY due_at LIMIT $2;

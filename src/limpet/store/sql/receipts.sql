-- Receipts and the messages they belong to.

-- name: receipt_match (hot)
-- The messages that receipts speak of, found by the person and the carrier's id; ids before $4 are too old to look at.
-- OFFSET 0 keeps the planner from turning the look-up of each person into one walk over everybody while there are few.
SELECT k.ord, m.*
  FROM unnest($1::smallint[], $2::text[], $3::text[]) WITH ORDINALITY AS k (bucket, recipient, carrier_message_id, ord)
 CROSS JOIN LATERAL (SELECT * FROM message AS o
                      WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient
                        AND o.id >= $4 AND k.carrier_message_id = ANY (o.carrier_message_ids) OFFSET 0) AS m;

-- name: receipt_candidates (hot)
-- A person's latest messages that still wait for a receipt: one whose id is spelled in a way that nobody knows yet may be theirs.
SELECT k.ord, m.*
  FROM unnest($1::smallint[], $2::text[]) WITH ORDINALITY AS k (bucket, recipient, ord)
 CROSS JOIN LATERAL (SELECT * FROM message AS o
                      WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient
                        AND o.id >= $3 AND o.status = 'sent' ORDER BY o.id DESC LIMIT $4) AS m;

-- name: spellings (reference)
-- How each carrier's receipts spell the ids of its answers, as far as that has been learned.
SELECT carrier, spelling FROM carrier_spelling;

-- name: spelling_learn (reference)
-- Whoever learns it first, for all.
INSERT INTO carrier_spelling (carrier, spelling, learned_at) VALUES ($1, $2, $3) ON CONFLICT (carrier) DO NOTHING;

-- name: spelling_forget (reference)
DELETE FROM carrier_spelling WHERE carrier = $1 RETURNING spelling;

-- name: doubt_match (hot)
-- What an unknown receipt may speak of, oldest first: messages to a person that are not answered, and those that were sent again or
-- given up because they never were.
SELECT k.ord, m.*
  FROM unnest($1::smallint[], $2::text[]) WITH ORDINALITY AS k (bucket, recipient, ord)
 CROSS JOIN LATERAL (SELECT * FROM message AS o
                      WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient
                        AND o.id >= $3
                        AND (o.status = 'sending' OR o.attempt > 1 OR o.status = 'failed' AND o.error_code = 30008) OFFSET 0) AS m
 ORDER BY m.claimed_at, m.id;

-- name: receipt_apply (hot)
-- Forward only: what was read must still be so, otherwise the caller reads again. What is still being sent stays in doubt: only a
-- part of it is known to have arrived.
UPDATE message AS m
   SET status = k.status, segment_states = string_to_array(k.states, ','), error_code = coalesce(k.error_code, m.error_code), updated_at = $8,
       carrier_message_ids = string_to_array(k.carrier_ids, E'\x1f'),
       sent_at = CASE WHEN k.status = 'sending' THEN m.sent_at ELSE coalesce(m.sent_at, $8) END,
       in_doubt_at = CASE WHEN k.status = 'sending' THEN m.in_doubt_at END
  FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $9::text[])
       AS k (bucket, id, status_before, states_before, status, states, error_code, carrier_ids)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.id = k.id AND m.status = k.status_before
   AND array_to_string(m.segment_states, ',') IS NOT DISTINCT FROM k.states_before
RETURNING m.bucket, m.id;

-- name: clocks (reference)
-- What has been measured of carriers' clocks.
SELECT carrier, least_s, most_s, precision_s FROM carrier_clock;

-- name: clock_keep (reference)
INSERT INTO carrier_clock (carrier, least_s, most_s, precision_s, learned_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (carrier) DO UPDATE
   SET least_s = excluded.least_s, most_s = excluded.most_s, precision_s = excluded.precision_s, learned_at = excluded.learned_at;

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

-- name: orphan_walk (fan-out)
-- Kept receipts of late, oldest first: a walk for after a crash.
SELECT * FROM receipt_orphan WHERE id > $1 ORDER BY id LIMIT $2;

-- name: orphan_purge (fan-out)
-- Receipts that nobody claimed for long.
DELETE FROM receipt_orphan WHERE id < $1;

-- name: orphan_list (fan-out)
-- Receipts that no message is known for, newest first; of one carrier's lanes where one is named.
SELECT * FROM receipt_orphan
 WHERE id < $1 AND ($2::text IS NULL OR starts_with(lane, $2::text || '/')) ORDER BY id DESC LIMIT $3;

-- Pools as selection reads them, mappings and their events.

-- name: pool_load (reference)
-- A service and its live members in one snapshot: what `core.selection.Pool` is made of. One row a member, or one without.
SELECT s.*, m.id AS member_id, m.added_at, m.clearance, m.retiring, m.daily_contacts, m.weight, m.state,
       m.drain_day, m.drain_days, m.replaces,
       n.id AS sender_id, n.sid AS sender_sid, n.kind, n.address, n.country, n.capabilities,
       n.friendly_name AS sender_name, n.carrier, n.also_through,
       m.failing_since IS NOT NULL AND coalesce(h.avoid_unhealthy, false) AS failing,
       ARRAY(SELECT r.country FROM member_refused r WHERE r.member_id = m.id AND r.until_day > $2) AS refused_in,
       (SELECT min(r.until_day) FROM member_refused r WHERE r.member_id = m.id AND r.until_day > $2) AS refused_until,
       c.id AS campaign_id, c.brand_id, c.limits AS campaign_limits
  FROM service s
  LEFT JOIN campaign c ON c.service_id = s.id AND c.deleted_at IS NULL
  LEFT JOIN pool_member m ON m.service_id = s.id AND m.removed_at IS NULL
  LEFT JOIN sender n ON n.id = m.sender_id
  LEFT JOIN service_health h ON h.service_id = s.id
 WHERE s.id = $1 AND s.deleted_at IS NULL
 ORDER BY m.id;

-- name: pool_resets (reference)
-- Memberships of a service that ended because all their mappings were taken away.
SELECT id FROM pool_member WHERE service_id = $1 AND reset;

-- name: service_owner_by_sid (reference)
SELECT id, account_id FROM service WHERE sid = $1 AND deleted_at IS NULL;

-- name: service_generation (reference)
SELECT generation FROM service WHERE id = $1 AND deleted_at IS NULL;

-- name: accounts_by_id (reference)
-- Accounts as they are now, each with what its main account's status is.
SELECT a.*, o.status AS owner_status FROM account a LEFT JOIN account o ON o.sid = a.owner_sid WHERE a.id = ANY ($1::integer[]);

-- name: account_sids (reference)
SELECT id, sid FROM account WHERE id = ANY ($1::integer[]);

-- name: service_sids (reference)
-- Also of deleted ones: their messages still name them.
SELECT id, sid FROM service WHERE id = ANY ($1::integer[]);

-- name: sticky_read (hot)
-- The service's generation, a person's mapping and whether they opted out, in one snapshot: whoever starts after a removal or a
-- STOP was answered sees it.
SELECT k.ord, s.generation, m.member_id, m.last_used_day, m.created_day, m.flags, o.bucket IS NOT NULL AS opted_out
  FROM unnest($1::smallint[], $2::integer[], $3::text[]) WITH ORDINALITY AS k (bucket, service_id, recipient, ord)
  JOIN service s ON s.id = k.service_id
  LEFT JOIN sticky_mapping m ON m.bucket = ANY ($1) AND m.bucket = k.bucket
       AND m.service_id = k.service_id AND m.recipient = k.recipient
  LEFT JOIN LATERAL (
       SELECT o.bucket FROM opt_out o
        WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient
          AND o.service_id = k.service_id AND o.sender_id = 0
       OFFSET 0) AS o ON true;

-- name: sticky_claim (hot)
-- A use of people's mappings, or their first ones: the primary key decides who was first (rule S-2), and a use is written once a
-- day. One statement for both and in the order of the keys, so that every batch locks in the same order and none deadlocks; a
-- join may visit its rows in any order. What another made is held still and left as it is. Bit 2 tells a new row from an old.
INSERT INTO sticky_mapping AS m (bucket, service_id, recipient, member_id, last_used_day, created_day, flags)
SELECT k.bucket, k.service_id, k.recipient, k.member_id, $5::integer, $5::integer, k.flags
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[], $6::integer[])
       AS k (bucket, service_id, recipient, member_id, flags)
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
-- again and days never go back, so a mapping cannot look as it once did (no ABA), but for a pin, which is compared too. The pin
-- of the one before goes.
UPDATE sticky_mapping AS m
   SET member_id = k.member_id, last_used_day = greatest(m.last_used_day, $7::integer), created_day = $7::integer,
       flags = k.flags
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $8::integer[],
              $9::integer[])
       AS k (bucket, service_id, recipient, member_id, member_before, day_before, pin_before, flags)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.recipient
   AND m.member_id = k.member_before AND m.last_used_day = k.day_before AND m.flags & 12 = k.pin_before
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
-- that was sent while Sticky Sender was off, or past the mapping, used it not. $5 is how the person is spelled in messages: of
-- those that are obfuscated by now, what left has been noted in the mapping.
DELETE FROM sticky_mapping AS m
 USING unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[], $5::text[])
       AS k (bucket, service_id, recipient, member_id, person)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.recipient
   AND m.member_id = k.member_id AND m.flags & 1 = 0
   AND NOT EXISTS (SELECT FROM message AS o
                    WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.person
                      AND o.service_id = k.service_id AND o.member_id = k.member_id
                      AND o.sticky = ANY ('{created,used,replaced}') AND o.status <> ALL ('{failed,canceled}'))
RETURNING m.bucket, m.service_id, m.recipient, m.member_id;

-- name: sticky_establish (hot)
-- Messages that left are about to be deleted or obfuscated: what they proved of their mappings stays known.
UPDATE sticky_mapping AS m SET flags = m.flags | 1
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[]) AS k (bucket, service_id, recipient, member_id)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.recipient
   AND m.member_id = k.member_id AND m.flags & 1 = 0;

-- name: sticky_reveal (hot)
-- A message is sent to a person whose mapping is under a pseudonym, and this one keeps the number: so does the mapping now.
UPDATE sticky_mapping AS m SET recipient = k.recipient
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::text[]) AS k (bucket, service_id, pseudonym, recipient)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.pseudonym;

-- name: service_hides (reference)
-- A service sends its first message whose recipient's number is not kept.
UPDATE service
   SET hides_since = coalesce(hides_since, $2), generation = generation + CASE WHEN hides_since IS NULL THEN 1 ELSE 0 END
 WHERE id = $1 RETURNING hides_since;

-- name: sticky_lookup (hot)
-- One person's mapping as it is, dead or alive, with the sender that it points at, and whether a message of it has left ($4 is
-- how the person is spelled in messages).
SELECT m.bucket, m.recipient, m.member_id, m.last_used_day, m.created_day, m.flags,
       n.address, n.sid AS sender_sid, p.removed_at, p.reset,
       m.flags & 1 = 1 OR EXISTS (SELECT FROM message AS o
                                   WHERE o.bucket = $1 AND o.recipient = $4 AND o.service_id = $2
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
INSERT INTO sticky_event (bucket, id, service_id, recipient, kind, cause, sender_before, sender_after, message_id, actor, reason)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::bigint[], $10::text[], $11::text[]);

-- name: sticky_events_of_person (hot)
-- A person's history within a service, oldest first. `+ 0`: by the person's index, never through all of the service's events.
SELECT id, kind, cause, sender_before, sender_after, message_id, actor, reason
  FROM sticky_event WHERE bucket = $1 AND recipient = $2 AND service_id + 0 = $3 ORDER BY id LIMIT $4;

-- name: purge_chunk_end (hot)
-- The key at which a chunk of the purging walk through one bucket ends; no row when the rest is smaller than a chunk.
SELECT service_id, recipient FROM sticky_mapping
 WHERE bucket = $1 AND (service_id, recipient) > ($2, $3::text) ORDER BY service_id, recipient OFFSET $4 LIMIT 1;

-- name: purge_chunk (hot)
-- Housekeeping: mappings of removed members, of deleted services, and those that aged out. No read honours them any more. What is
-- pinned does not age, and what is pinned strictly outlives its number, but not a reset of it (S-80, S-82). Those that aged out are
-- named.
WITH gone AS (
    DELETE FROM sticky_mapping AS m
     USING service s
     WHERE m.bucket = $1 AND (m.service_id, m.recipient) > ($2, $3::text) AND (m.service_id, m.recipient) <= ($4, $5::text)
       AND s.id = m.service_id
       AND (s.deleted_at IS NOT NULL
            OR s.sticky_sender AND m.flags & 4 = 0 AND $6 - m.last_used_day > s.sticky_ttl_days
            OR NOT EXISTS (SELECT FROM pool_member p WHERE p.id = m.member_id AND p.removed_at IS NULL)
               AND (m.flags & 8 = 0 OR EXISTS (SELECT FROM pool_member r WHERE r.id = m.member_id AND r.reset)))
    RETURNING m.service_id, m.recipient, m.member_id,
              EXISTS (SELECT FROM pool_member p WHERE p.id = m.member_id AND p.removed_at IS NULL)
              AND s.deleted_at IS NULL AS aged
)
SELECT count(*) AS gone, array_agg(service_id) FILTER (WHERE aged) AS services,
       array_agg(recipient) FILTER (WHERE aged) AS recipients, array_agg(member_id) FILTER (WHERE aged) AS members
  FROM gone;

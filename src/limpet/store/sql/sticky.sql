-- Pools as selection reads them, mappings and their events.

-- name: pool_load (reference)
-- A service and its live members in one snapshot: what `core.selection.Pool` is made of. One row a member, or one without. With a
-- space it is as of both generations, which only grow.
SELECT s.*, s.generation + coalesce(g.generation, 0) AS as_of, g.sticky_ttl_days AS space_ttl_days,
       g.sticky_ttl_hours AS space_ttl_hours, g.hides_since AS space_hides_since,
       m.id AS member_id, m.added_at, m.clearance, m.retiring, m.daily_contacts, m.weight, m.state,
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
  LEFT JOIN sticky_space g ON g.id = s.space_id
 WHERE s.id = $1 AND s.deleted_at IS NULL
 ORDER BY m.id;

-- name: pool_sisters (reference)
-- The live members of the other services of a space: people may be mapped to them.
SELECT s.id, s.account_id, m.id AS member_id, m.added_at, m.clearance, m.retiring, m.daily_contacts, m.weight, m.state,
       m.drain_day, m.drain_days, m.replaces,
       n.id AS sender_id, n.sid AS sender_sid, n.kind, n.address, n.country, n.capabilities,
       n.friendly_name AS sender_name, n.carrier, n.also_through,
       ARRAY(SELECT r.country FROM member_refused r WHERE r.member_id = m.id AND r.until_day > $3) AS refused_in,
       (SELECT min(r.until_day) FROM member_refused r WHERE r.member_id = m.id AND r.until_day > $3) AS refused_until,
       c.id AS campaign_id, c.brand_id, c.limits AS campaign_limits
  FROM service s
  JOIN pool_member m ON m.service_id = s.id AND m.removed_at IS NULL
  JOIN sender n ON n.id = m.sender_id
  LEFT JOIN campaign c ON c.service_id = s.id AND c.deleted_at IS NULL
 WHERE s.space_id = $1 AND s.id <> $2 AND s.deleted_at IS NULL
 ORDER BY m.id;

-- name: pool_resets (reference)
-- Memberships of a service, or of a space ($2), that ended because all their mappings were taken away.
SELECT id FROM pool_member
 WHERE reset AND (service_id = $1 OR service_id IN (SELECT id FROM service WHERE space_id = $2));

-- name: service_owner_by_sid (reference)
SELECT id, account_id FROM service WHERE sid = $1 AND deleted_at IS NULL;

-- name: service_generation (reference)
SELECT s.generation + coalesce(g.generation, 0)
  FROM service s LEFT JOIN sticky_space g ON g.id = s.space_id WHERE s.id = $1 AND s.deleted_at IS NULL;

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
-- STOP was answered sees it. The mapping of a service in a space is the space's; consent is the service's own (S-134).
SELECT k.ord, s.generation + coalesce(g.generation, 0) AS generation, m.member_id, m.last_used_day, m.created_day, m.flags, o.bucket IS NOT NULL AS opted_out
  FROM unnest($1::smallint[], $2::integer[], $3::text[]) WITH ORDINALITY AS k (bucket, service_id, recipient, ord)
  JOIN service s ON s.id = k.service_id
  LEFT JOIN sticky_space g ON g.id = s.space_id
  LEFT JOIN sticky_mapping m ON m.bucket = ANY ($1) AND m.bucket = k.bucket
       AND m.service_id = coalesce(s.space_id, k.service_id) AND m.recipient = k.recipient
  LEFT JOIN LATERAL (
       SELECT o.bucket FROM opt_out o
        WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.recipient
          AND o.service_id = k.service_id AND o.sender_id = 0
       OFFSET 0) AS o ON true;

-- name: sticky_claim (hot)
-- A use of people's mappings, or their first ones: the primary key decides who was first (rule S-2), and a use is written once a
-- day. One statement for both and in the order of the keys, so that every batch locks in the same order and none deadlocks; a
-- join may visit its rows in any order. What another made is held still and left as it is. Bit 2 tells a new row from an old;
-- 3968 are the bits of the hour, which are 0 where only days count. A use never goes back.
INSERT INTO sticky_mapping AS m (bucket, service_id, recipient, member_id, last_used_day, created_day, flags)
SELECT k.bucket, k.service_id, k.recipient, k.member_id, $5::integer, $5::integer, k.flags
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[], $6::integer[])
       AS k (bucket, service_id, recipient, member_id, flags)
 ORDER BY k.bucket, k.service_id, k.recipient COLLATE "C"
    ON CONFLICT (bucket, service_id, recipient) DO UPDATE
   SET flags = 2 | CASE WHEN m.member_id = excluded.member_id
                         AND (excluded.last_used_day, excluded.flags & 3968) > (m.last_used_day, m.flags & 3968)
                        THEN (m.flags & ~3968) | (excluded.flags & 3968) ELSE m.flags END,
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
-- again and uses never go back, so a mapping cannot look as it once did (no ABA), but for a pin, which is compared too (12 in the
-- flags; 3968 is the hour of the use). The pin of the one before goes.
UPDATE sticky_mapping AS m
   SET member_id = k.member_id, last_used_day = greatest(m.last_used_day, $7::integer), created_day = $7::integer,
       flags = k.flags
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $8::integer[],
              $9::integer[])
       AS k (bucket, service_id, recipient, member_id, member_before, day_before, flags_before, flags)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.recipient
   AND m.member_id = k.member_before AND m.last_used_day = k.day_before AND m.flags & 3980 = k.flags_before
RETURNING m.bucket, m.service_id, m.recipient;

-- name: sticky_refresh_inbound (hot)
-- A person wrote to the number that a mapping points at: a use, if the mapping is live (rule S-21); a dead one stays dead. Where
-- hours count, $5 is the one of now in the bits of the flags; of a use whose hour was not noted it was the last of its day.
UPDATE sticky_mapping AS m
   SET last_used_day = $4, flags = (m.flags & ~3968) | CASE WHEN ttl.hours IS NULL THEN 0 ELSE $5::integer END
  FROM sender n
  JOIN unnest($1::smallint[], $2::text[], $3::text[]) AS k (bucket, recipient, sender)
       ON k.sender = n.address AND n.released_at IS NULL
  JOIN pool_member p ON p.sender_id = n.id AND p.removed_at IS NULL
  JOIN service s ON s.id = p.service_id AND s.sticky_sender
  LEFT JOIN sticky_space g ON g.id = s.space_id
 CROSS JOIN LATERAL (SELECT coalesce(s.space_id, s.id) AS scope_id,
                            CASE WHEN g.id IS NULL THEN s.sticky_ttl_days ELSE g.sticky_ttl_days END AS days,
                            CASE WHEN g.id IS NULL THEN s.sticky_ttl_hours ELSE g.sticky_ttl_hours END AS hours) AS ttl
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = ttl.scope_id AND m.recipient = k.recipient
   AND m.member_id = p.id
   AND CASE WHEN ttl.hours IS NULL THEN m.last_used_day < $4 AND $4 - m.last_used_day <= ttl.days
            ELSE (m.last_used_day, m.flags & 3968) < ($4, $5)
                 AND $4 * 24 + ($5 >> 7) - 1 - (m.last_used_day * 24 + coalesce(nullif(m.flags >> 7 & 31, 0), 24) - 1) <= ttl.hours
            END;

-- name: sticky_hold (hot)
-- Hold a person's provisional mapping still, so that whoever is about to use it and whoever is about to take it away see each
-- other. It may be one of the space that the service is in.
UPDATE sticky_mapping AS m SET flags = m.flags
  FROM service s
  JOIN unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[]) AS k (bucket, service_id, recipient, member_id)
       ON k.service_id = s.id AND s.sticky_sender
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = coalesce(s.space_id, s.id) AND m.recipient = k.recipient
   AND m.member_id = k.member_id AND m.flags & 1 = 0 AND m.created_day > $5
RETURNING m.bucket, m.service_id, m.recipient, m.member_id;

-- name: sticky_unsent (hot)
-- After `sticky_hold`: the mapping goes if every message that used it failed or was canceled before it left (rule S-9). One
-- that was sent while Sticky Sender was off, or past the mapping, used it not. $5 is how the person is spelled in messages: of
-- those that are obfuscated by now, what left has been noted in the mapping. The member tells which messages: in a space they may
-- be of several services.
DELETE FROM sticky_mapping AS m
 USING unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[], $5::text[])
       AS k (bucket, service_id, recipient, member_id, person)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.recipient
   AND m.member_id = k.member_id AND m.flags & 1 = 0
   AND NOT EXISTS (SELECT FROM message AS o
                    WHERE o.bucket = ANY ($1) AND o.bucket = k.bucket AND o.recipient = k.person
                      AND o.member_id = k.member_id AND o.sticky = ANY ('{created,used,replaced}') AND o.status <> ALL ('{failed,canceled}'))
RETURNING m.bucket, m.service_id, m.recipient, m.member_id;

-- name: sticky_establish (hot)
-- Messages that left are about to be deleted or obfuscated: what they proved of their mappings stays known.
UPDATE sticky_mapping AS m SET flags = m.flags | 1
  FROM service s
  JOIN unnest($1::smallint[], $2::integer[], $3::text[], $4::integer[]) AS k (bucket, service_id, recipient, member_id)
       ON k.service_id = s.id
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = coalesce(s.space_id, s.id) AND m.recipient = k.recipient
   AND m.member_id = k.member_id AND m.flags & 1 = 0;

-- name: sticky_reveal (hot)
-- A message is sent to a person whose mapping is under a pseudonym, and this one keeps the number: so does the mapping now.
UPDATE sticky_mapping AS m SET recipient = k.recipient
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::text[]) AS k (bucket, service_id, pseudonym, recipient)
 WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = k.service_id AND m.recipient = k.pseudonym;

-- name: service_hides (reference)
-- A service sends its first message whose recipient's number is not kept. In a space it is the space's mappings that may be hidden.
WITH own AS (
    UPDATE service
       SET hides_since = CASE WHEN space_id IS NULL THEN coalesce(hides_since, $2) ELSE hides_since END,
           generation = generation + CASE WHEN space_id IS NULL AND hides_since IS NULL THEN 1 ELSE 0 END
     WHERE id = $1 RETURNING space_id, hides_since),
     shared AS (
    UPDATE sticky_space AS g
       SET hides_since = coalesce(g.hides_since, $2),
           generation = g.generation + CASE WHEN g.hides_since IS NULL THEN 1 ELSE 0 END
      FROM own WHERE g.id = own.space_id RETURNING g.hides_since)
SELECT coalesce((SELECT hides_since FROM shared), own.hides_since) FROM own;

-- name: sticky_lookup (hot)
-- One person's mapping as it is, dead or alive, with the sender that it points at, and whether a message of it has left ($4 is
-- how the person is spelled in messages). `elsewhere`: the sender's service has left the space.
SELECT m.bucket, m.recipient, m.member_id, m.last_used_day, m.created_day, m.flags,
       n.address, n.sid AS sender_sid, p.removed_at, p.reset, coalesce(h.space_id, h.id) <> $2 AS elsewhere,
       m.flags & 1 = 1 OR EXISTS (SELECT FROM message AS o
                                   WHERE o.bucket = $1 AND o.recipient = $4
                                     AND o.member_id = m.member_id AND o.sticky = ANY ('{created,used,replaced}')
                                     AND o.sent_at IS NOT NULL) AS established
  FROM sticky_mapping m
  LEFT JOIN pool_member p ON p.id = m.member_id
  LEFT JOIN service h ON h.id = p.service_id
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
-- Housekeeping: mappings of removed members, of deleted services and spaces, and those that aged out. No read honours them any
-- more. What is pinned does not age, and what is pinned strictly outlives its number, but not a reset of it (S-80, S-82). In a space
-- they age while any of its services looks at them. Those that aged out are named.
WITH gone AS (
    DELETE FROM sticky_mapping AS m
     USING (SELECT s.id, s.deleted_at, s.sticky_sender AS ages, s.sticky_ttl_days FROM service s
            UNION ALL
            SELECT g.id, g.deleted_at,
                   EXISTS (SELECT FROM service o WHERE o.space_id = g.id AND o.sticky_sender AND o.deleted_at IS NULL),
                   g.sticky_ttl_days
              FROM sticky_space g) AS s
     WHERE m.bucket = $1 AND (m.service_id, m.recipient) > ($2, $3::text) AND (m.service_id, m.recipient) <= ($4, $5::text)
       AND s.id = m.service_id
       AND (s.deleted_at IS NOT NULL
            OR s.ages AND m.flags & 4 = 0 AND $6 - m.last_used_day > s.sticky_ttl_days
            OR NOT EXISTS (SELECT FROM pool_member p WHERE p.id = m.member_id AND p.removed_at IS NULL)
               AND (m.flags & 8 = 0 OR EXISTS (SELECT FROM pool_member r WHERE r.id = m.member_id AND r.reset)))
    RETURNING m.service_id, m.recipient, m.member_id,
              EXISTS (SELECT FROM pool_member p WHERE p.id = m.member_id AND p.removed_at IS NULL)
              AND s.deleted_at IS NULL AS aged
)
SELECT count(*) AS gone, array_agg(service_id) FILTER (WHERE aged) AS services,
       array_agg(recipient) FILTER (WHERE aged) AS recipients, array_agg(member_id) FILTER (WHERE aged) AS members
  FROM gone;

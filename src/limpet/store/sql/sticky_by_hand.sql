-- Mappings as people look at them and change them: lists, one by one, all of a number or a service; and the list of events.

-- name: sticky_walk (hot)
-- Mappings of a service, or of its space, in the order of their keys, on from one key in each of some buckets. In a bucket at most $4 are looked at,
-- and of those that fit at most $5 answered; the last that was looked at is answered too, so that the walk can go on there.
-- `established` is asked of messages only while it may still be open.
SELECT w.bucket, w.recipient, w.member_id, w.last_used_day, w.created_day, w.flags, w.fits, w.place = $4 AS cut,
       n.address, n.sid AS sender_sid, p.removed_at, p.reset, coalesce(h.space_id, h.id) <> $3 AS elsewhere,
       w.flags & 1 = 1 OR (w.created_day > $6 AND
           EXISTS (SELECT FROM message AS o
                    WHERE o.bucket = ANY ($1) AND o.bucket = w.bucket AND o.recipient = w.recipient
                      AND o.member_id = w.member_id AND o.sticky = ANY ('{created,used,replaced}')
                      AND o.sent_at IS NOT NULL)) AS established
  FROM unnest($1::smallint[], $2::text[]) AS k (bucket, after)
 CROSS JOIN LATERAL (
     SELECT s.* FROM (
         SELECT m.*, row_number() OVER (ORDER BY m.recipient) AS place,
                ($7::integer[] IS NULL OR m.member_id = ANY ($7)) AND ($8::integer[] IS NULL OR m.flags & 12 = ANY ($8))
                AND ($9::integer IS NULL OR m.last_used_day < $9) AND ($10::integer IS NULL OR m.flags & 112 = $10) AS fits
           FROM sticky_mapping m
          WHERE m.bucket = ANY ($1) AND m.bucket = k.bucket AND m.service_id = $3 AND m.recipient > k.after
          ORDER BY m.recipient LIMIT $4::bigint) AS s
      WHERE s.fits OR s.place = $4
      ORDER BY s.recipient LIMIT $5::bigint) AS w
  LEFT JOIN pool_member p ON p.id = w.member_id
  LEFT JOIN service h ON h.id = p.service_id
  LEFT JOIN sender n ON n.id = p.sender_id
 ORDER BY w.bucket, w.recipient;

-- name: members_of_address (reference)
-- The memberships that a number has or had in a service, or in a space ($2): dead mappings are found by it too.
SELECT p.id FROM pool_member p JOIN sender n ON n.id = p.sender_id
 WHERE n.address = $3 AND (p.service_id = $1 OR p.service_id IN (SELECT id FROM service WHERE space_id = $2));

-- name: sticky_find_hidden (hot)
-- The mapping under a pseudonym of which only the beginning is known.
SELECT recipient FROM sticky_mapping WHERE bucket = $1 AND service_id = $2 AND recipient > $3::text AND recipient < $4::text LIMIT 1;

-- name: sticky_set (hot)
-- Point a mapping that is held where a person wants it.
UPDATE sticky_mapping
   SET member_id = $4, last_used_day = greatest(last_used_day, $5::integer), created_day = $6, flags = $7
 WHERE bucket = $1 AND service_id = $2 AND recipient = $3;

-- name: services_of_scope (reference)
-- A service, and those that share its space, in the order in which they are held.
SELECT o.id FROM service s JOIN service o ON o.id = s.id OR o.space_id = s.space_id
 WHERE s.id = $1 AND o.deleted_at IS NULL ORDER BY o.id;

-- name: members_to_reset (reference)
SELECT m.id, n.address FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = ANY ($1::integer[]) AND m.removed_at IS NULL AND ($2::text IS NULL OR n.address = $2) ORDER BY m.id;

-- name: member_new_ids (reference)
SELECT nextval(pg_get_serial_sequence('pool_member', 'id'))::integer AS id FROM generate_series(1, $1::integer);

-- name: member_renew (reference)
-- Other ids for memberships that go on; what points at them follows (ON UPDATE CASCADE).
UPDATE pool_member AS m SET id = k.new_id
  FROM unnest($1::integer[], $2::integer[]) AS k (old_id, new_id) WHERE m.id = k.old_id;

-- name: member_reset (reference)
-- What is left under the ids before: every mapping that points there is dead.
INSERT INTO pool_member (id, service_id, sender_id, added_at, removed_at, reset)
SELECT k.old_id, m.service_id, m.sender_id, m.added_at, $3, true
  FROM unnest($1::integer[], $2::integer[]) AS k (old_id, new_id) JOIN pool_member m ON m.id = k.new_id;

-- name: member_counts_renew (reference)
-- New people are counted on (S-50).
UPDATE tally AS t SET of_id = k.new_id
  FROM unnest($1::integer[], $2::integer[]) AS k (old_id, new_id) WHERE t.kind = 'contacts' AND t.of_id = k.old_id;

-- name: member_hours_renew (reference)
-- How its messages fare goes on too.
UPDATE member_hour AS h SET member_id = k.new_id
  FROM unnest($1::integer[], $2::integer[]) AS k (old_id, new_id) WHERE h.member_id = k.old_id;

-- name: members_forget_reset (reference)
-- After a whole walk of the purge nothing points at them any more.
DELETE FROM pool_member WHERE reset AND removed_at < $1;

-- name: sticky_events_of_person_down (hot)
-- A person's events within a service, newest first, under the number and under the pseudonym; by the person's index (`+ 0`).
SELECT e.*, true AS fits, 0 AS place,
       (SELECT o.num_media FROM message o WHERE o.bucket = $1 AND o.id = e.message_id) AS num_media
  FROM sticky_event e
 WHERE e.bucket = $1 AND e.recipient = ANY ($2::text[]) AND e.service_id + 0 = $3 AND e.id < $4::bigint
   AND ($6::text IS NULL OR e.sender_before = $6 OR e.sender_after = $6) AND ($7::text IS NULL OR e.kind = $7)
 ORDER BY e.id DESC LIMIT $5::bigint;

-- name: sticky_events_down (fan-out)
-- A service's events, newest first: at most $3 are looked at, and the last of them is answered even if it does not fit.
SELECT w.*, (SELECT o.num_media FROM message o WHERE o.bucket = w.bucket AND o.id = w.message_id) AS num_media
  FROM (SELECT e.*, row_number() OVER (ORDER BY e.id DESC) AS place,
               ($5::text IS NULL OR e.sender_before = $5 OR e.sender_after = $5) AND ($6::text IS NULL OR e.kind = $6) AS fits
          FROM sticky_event e WHERE e.service_id = $1 AND e.id < $2::bigint ORDER BY e.id DESC LIMIT $3::bigint) AS w
 WHERE w.fits OR w.place = $3
 ORDER BY w.id DESC LIMIT $4::bigint;

-- name: member_people (hot)
-- How many mappings of a service there are in some buckets, and who of them is mapped to one member; one that is pinned does not age.
SELECT count(*) AS looked_at,
       array_agg(m.recipient) FILTER (WHERE m.member_id = $3 AND m.flags & 8 = 0) AS people,
       array_agg(m.recipient) FILTER (WHERE m.member_id = $3 AND m.flags & 8 = 8) AS held
  FROM sticky_mapping m
 WHERE m.bucket = ANY ($1::smallint[]) AND m.service_id = $2 AND (m.last_used_day >= $4::integer OR m.flags & 4 = 4);

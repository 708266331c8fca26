-- Mappings in bulk: imports, their undoing, and the export. Statements that merge a bucket are called fan-out since one import
-- runs them for all buckets, a transaction for a few at a time; each gives its bucket throughout and asks one shard.

-- name: sticky_bulk_settings (reference)
-- A bucket's lines are many: they are joined by hash within these transactions, not one by one as messages are.
SELECT set_config('enable_hashjoin', 'on', true), set_config('enable_seqscan', 'on', true);

-- name: sticky_import_insert (reference)
INSERT INTO sticky_import (sid, service_id, actor, credential, mode, dialect, log_service, dry_run, state, counts, first_event_id,
                           last_event_id, created_at, updated_at, scope_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'loading', $9, $10, $10, $11, $11, $12)
    ON CONFLICT (sid) DO NOTHING RETURNING *;

-- name: sticky_import_by_sid (reference)
SELECT * FROM sticky_import WHERE sid = $1 AND service_id = $2;

-- name: sticky_import_page_down (reference)
-- A service's imports, newest first.
SELECT * FROM sticky_import WHERE service_id = $1 AND id < $2::bigint ORDER BY id DESC LIMIT $3;

-- name: sticky_import_page_up (reference)
SELECT * FROM sticky_import WHERE service_id = $1 AND id > $2::bigint ORDER BY id LIMIT $3;

-- name: sticky_import_members (reference)
-- The numbers to which an import may map people: those of a service, or of all services of a space.
SELECT m.id, n.address, n.kind, n.country
  FROM service s JOIN pool_member m ON m.service_id = s.id JOIN sender n ON n.id = m.sender_id
 WHERE (s.id = $1 OR s.space_id = $1) AND m.removed_at IS NULL;

-- name: sticky_import_note (reference)
-- How far an import is, if it is still where its caller left it: of two that carry on with the same one, one gets no row.
UPDATE sticky_import
   SET state = $4, blocks = $5, digest = $6, staged = $7, merged_buckets = $8, counts = $9, last_event_id = $10, why = $11,
       updated_at = $12
 WHERE id = $1 AND blocks = $2 AND merged_buckets = $3 AND state <> ALL ('{done,failed,undone}') RETURNING id;

-- name: sticky_import_state (reference)
UPDATE sticky_import SET state = $3, updated_at = $4 WHERE id = $1 AND state = $2 RETURNING id;

-- name: sticky_staged_count (fan-out)
-- Whether what was staged is there: an unlogged table is empty after a crash.
SELECT count(*) FROM sticky_staged WHERE bucket = ANY ($1::smallint[]) AND import_id = $2;

-- name: sticky_staged_forget (hot)
DELETE FROM sticky_staged WHERE bucket = $1 AND import_id = $2;

-- name: sticky_staged_clear (fan-out)
DELETE FROM sticky_staged WHERE bucket = ANY ($1::smallint[]) AND import_id = $2;

-- name: sticky_import_problems_forget (hot)
DELETE FROM sticky_import_problem WHERE bucket = $1 AND import_id = $2;

-- name: sticky_import_before_forget (fan-out)
DELETE FROM sticky_import_before WHERE bucket = ANY ($1::smallint[]) AND import_id = $2;

-- name: sticky_import_problems (hot)
-- The lines of an import that were not taken, in the order of the file.
SELECT line, place, why, what FROM sticky_import_problem
 WHERE bucket = $1 AND import_id = $2 AND (line, place) > ($3, $4) ORDER BY line, place LIMIT $5;

-- name: sticky_import_hide_hold (fan-out)
-- Mappings of the service may be under pseudonyms: hold the places that an import's people would have there, as messages do, so
-- that nobody makes or moves one meanwhile.
INSERT INTO sticky_mapping AS m (bucket, service_id, recipient, member_id, last_used_day, created_day)
SELECT DISTINCT $1::smallint, $3::integer, s.hidden, 0, 0, 0
  FROM sticky_staged s WHERE s.bucket = $1 AND s.import_id = $2 AND s.hidden IS NOT NULL ORDER BY 3
    ON CONFLICT (bucket, service_id, recipient) DO UPDATE SET flags = m.flags;

-- name: sticky_import_hide (fan-out)
-- A person has one mapping: where it is under a pseudonym, the line is about that.
UPDATE sticky_staged AS s SET recipient = s.hidden
  FROM sticky_mapping m
 WHERE s.bucket = $1 AND s.import_id = $2 AND m.bucket = $1 AND m.service_id = $3 AND m.recipient = s.hidden AND m.member_id <> 0;

-- name: sticky_import_hide_release (fan-out)
DELETE FROM sticky_mapping AS m
 USING sticky_staged s
 WHERE s.bucket = $1 AND s.import_id = $2 AND m.bucket = $1 AND m.service_id = $3 AND m.recipient = s.hidden AND m.member_id = 0;

-- name: sticky_import_make (fan-out)
-- Of each person's lines the newest; who has no mapping gets it, with an event. 48 in the flags says that it is from an import.
WITH newest AS MATERIALIZED (
       SELECT DISTINCT ON (s.recipient) s.recipient, s.member_id, s.last_used_day, s.created_day, s.flags, s.event_id
         FROM sticky_staged s WHERE s.bucket = $1 AND s.import_id = $2
        ORDER BY s.recipient, s.at DESC, s.event_id),
     made AS (
       INSERT INTO sticky_mapping (bucket, service_id, recipient, member_id, last_used_day, created_day, flags)
       SELECT $1::smallint, $3::integer, k.recipient, k.member_id, k.last_used_day, k.created_day, k.flags | 48
         FROM newest k ORDER BY k.recipient
           ON CONFLICT (bucket, service_id, recipient) DO NOTHING
       RETURNING recipient),
     told AS (
       INSERT INTO sticky_event (bucket, id, service_id, recipient, kind, cause, sender_after, actor)
       SELECT $1::smallint, k.event_id, $3::integer, k.recipient, 'imported', 'import', a.address, $4::text
         FROM made JOIN newest k ON k.recipient = made.recipient
         JOIN unnest($5::integer[], $6::text[]) AS a (member_id, address) ON a.member_id = k.member_id
       RETURNING 1)
SELECT (SELECT count(*) FROM newest) AS people, (SELECT count(*) FROM told) AS made;

-- name: sticky_import_replace (fan-out)
-- Those that had one already, and another than the line says: a dead one gives way in every mode; of live ones none (skip), older
-- ones that are not pinned (newer), or all (overwrite). What was there is kept for an undoing, and each person whose number
-- changes has an event.
WITH newest AS MATERIALIZED (
       SELECT DISTINCT ON (s.recipient) s.recipient, s.member_id, s.last_used_day, s.created_day, s.flags, s.event_id
         FROM sticky_staged s WHERE s.bucket = $1 AND s.import_id = $2
        ORDER BY s.recipient, s.at DESC, s.event_id),
     found AS MATERIALIZED (
       SELECT m.recipient, m.member_id, m.last_used_day, m.created_day, m.flags, k.member_id AS new_member_id,
              k.last_used_day AS new_last_used_day, k.created_day AS new_created_day, k.flags AS new_flags, k.event_id
         FROM newest k
         JOIN sticky_mapping m ON m.bucket = $1 AND m.service_id = $3 AND m.recipient = k.recipient
        WHERE (m.member_id, m.last_used_day, m.created_day, m.flags & 13)
              IS DISTINCT FROM (k.member_id, k.last_used_day, k.created_day, k.flags)
        ORDER BY m.recipient FOR UPDATE OF m),
     judged AS MATERIALIZED (
       SELECT f.*, n.address,
              (f.flags & 8 = 0 OR EXISTS (SELECT FROM pool_member r WHERE r.id = f.member_id AND r.reset)) AND (n.address IS NULL OR f.flags & 4 = 0 AND $8::integer - f.last_used_day > $9::integer) AS dead,
              f.member_id = f.new_member_id AS same,
              $7::text = 'overwrite' OR $7::text = 'newer' AND f.new_last_used_day > f.last_used_day AS wins
         FROM found f
         LEFT JOIN pool_member p ON p.id = f.member_id AND p.removed_at IS NULL
              AND EXISTS (SELECT FROM service h WHERE h.id = p.service_id AND $3 IN (h.id, h.space_id))
         LEFT JOIN sender n ON n.id = p.sender_id),
     changed AS (
       UPDATE sticky_mapping AS m
          SET member_id = j.new_member_id,
              last_used_day = CASE WHEN j.same THEN greatest(m.last_used_day, j.new_last_used_day) ELSE j.new_last_used_day END,
              created_day = CASE WHEN j.same AND NOT j.dead THEN least(m.created_day, j.new_created_day) ELSE j.new_created_day END,
              flags = CASE WHEN NOT j.same THEN j.new_flags | 48 WHEN $7::text = 'newer' THEN (m.flags & ~3968) | j.new_flags
                           ELSE m.flags & 113 | j.new_flags END
         FROM judged j
        WHERE m.bucket = $1 AND m.service_id = $3 AND m.recipient = j.recipient
          AND (j.dead OR j.wins AND (j.same OR j.flags & 4 = 0 OR $7::text = 'overwrite'))
       RETURNING m.recipient),
     kept AS (
       INSERT INTO sticky_import_before (bucket, import_id, recipient, member_id, last_used_day, created_day, flags)
       SELECT $1::smallint, $2::integer, j.recipient, j.member_id, j.last_used_day, j.created_day, j.flags
         FROM judged j JOIN changed c ON c.recipient = j.recipient WHERE j.dead OR NOT j.same
           ON CONFLICT (bucket, import_id, recipient) DO NOTHING),
     told AS (
       INSERT INTO sticky_event (bucket, id, service_id, recipient, kind, cause, sender_before, sender_after, actor)
       SELECT $1::smallint, j.event_id, $3::integer, j.recipient, 'imported', 'import',
              coalesce(j.address, (SELECT n.address FROM pool_member p JOIN sender n ON n.id = p.sender_id WHERE p.id = j.member_id)),
              a.address, $4::text
         FROM judged j JOIN changed c ON c.recipient = j.recipient
         JOIN unnest($5::integer[], $6::text[]) AS a (member_id, address) ON a.member_id = j.new_member_id
        WHERE j.dead OR NOT j.same
       RETURNING 1)
SELECT (SELECT count(*) FROM judged) AS differing, (SELECT count(*) FROM changed) AS changed, (SELECT count(*) FROM told) AS told;

-- name: sticky_import_told (hot)
-- The events of an import within a bucket: whom it mapped.
SELECT id, recipient, sender_after FROM sticky_event
 WHERE bucket = $1 AND id > $2 AND id <= $3 AND service_id = $4 AND actor = $5 AND kind = 'imported' ORDER BY id LIMIT $6;

-- name: sticky_import_undo (fan-out)
-- Put back what an import replaced, and take away what it made, where the mapping still points where the import put it.
WITH held AS MATERIALIZED (
       SELECT m.recipient, k.event_id, k.address, b.member_id, b.last_used_day, b.created_day, b.flags
         FROM sticky_mapping m
         JOIN unnest($4::text[], $5::bigint[], $6::text[]) AS k (recipient, event_id, address) ON k.recipient = m.recipient
         JOIN pool_member p ON p.id = m.member_id AND p.added_at <= $8::timestamptz
         JOIN sender n ON n.id = p.sender_id AND n.address = k.address
         LEFT JOIN sticky_import_before b ON b.bucket = $1 AND b.import_id = $2 AND b.recipient = m.recipient
        WHERE m.bucket = $1 AND m.service_id = $3
        ORDER BY m.recipient FOR UPDATE OF m),
     back AS (
       UPDATE sticky_mapping AS m
          SET member_id = h.member_id, last_used_day = h.last_used_day, created_day = h.created_day, flags = h.flags
         FROM held h
        WHERE m.bucket = $1 AND m.service_id = $3 AND m.recipient = h.recipient AND h.member_id IS NOT NULL),
     gone AS (
       DELETE FROM sticky_mapping AS m
        USING held h
        WHERE m.bucket = $1 AND m.service_id = $3 AND m.recipient = h.recipient AND h.member_id IS NULL),
     told AS (
       INSERT INTO sticky_event (bucket, id, service_id, recipient, kind, cause, sender_before, sender_after, actor)
       SELECT $1::smallint, h.event_id, $3::integer, h.recipient, CASE WHEN h.member_id IS NULL THEN 'reset' ELSE 'replaced' END,
              'import_undone', h.address,
              (SELECT n.address FROM pool_member p JOIN sender n ON n.id = p.sender_id WHERE p.id = h.member_id), $7::text
         FROM held h
       RETURNING 1)
SELECT count(*) FROM told;

-- name: sticky_export (hot)
-- The mappings of a service, or of its space, within a bucket that count, as of one snapshot; where hours count, $7 is the one of now.
SELECT m.recipient, n.address, m.last_used_day, m.created_day, m.flags,
       m.flags & 1 = 1 OR m.created_day <= $5
       OR EXISTS (SELECT FROM message AS o
                   WHERE o.bucket = $1 AND o.recipient = m.recipient AND o.member_id = m.member_id
                     AND o.sticky = ANY ('{created,used,replaced}') AND o.sent_at IS NOT NULL) AS established
  FROM sticky_mapping m
  JOIN pool_member p ON p.id = m.member_id AND p.removed_at IS NULL
  JOIN service h ON h.id = p.service_id AND coalesce(h.space_id, h.id) = $2
  JOIN sender n ON n.id = p.sender_id
 WHERE m.bucket = $1 AND m.service_id = $2 AND ($3 - m.last_used_day <= $4 OR m.flags & 4 = 4)
   AND ($6::integer IS NULL OR m.flags & 4 = 4
        OR $7::integer - (m.last_used_day * 24 + coalesce(nullif(m.flags >> 7 & 31, 0), 24) - 1) <= $6)
 ORDER BY m.recipient;

-- name: sticky_import_left (reference)
-- Imports that nobody has touched for long: what is kept of them to be carried on with or undone goes.
SELECT id FROM sticky_import WHERE updated_at < $1 AND state <> ALL ('{failed,undone,settled}') ORDER BY id LIMIT $2;

-- name: sticky_import_settle (reference)
UPDATE sticky_import
   SET state = CASE WHEN state = 'done' THEN 'settled' ELSE 'failed' END, updated_at = $2,
       why = CASE WHEN state = 'done' THEN why ELSE 'nobody carried on with it' END
 WHERE id = $1;

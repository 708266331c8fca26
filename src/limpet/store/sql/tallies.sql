-- Small exact counts: of a member's new people, a service's segments, an account's scheduled messages.

-- name: tally_add (reference)
-- Count more, or with negative numbers less, and answer what it comes to. The rows are held until the commit, so that whoever
-- comes next counts on from the truth; they are taken in the order of their ids, so that no two transactions deadlock.
INSERT INTO tally AS t (kind, of_id, day, value)
SELECT $1, k.of_id, $2, k.more FROM unnest($3::integer[], $4::bigint[]) AS k (of_id, more) ORDER BY k.of_id
    ON CONFLICT (kind, of_id, day) DO UPDATE SET value = greatest(t.value + excluded.value, 0)
RETURNING of_id, value;

-- name: tally_read (reference)
SELECT of_id, value FROM tally WHERE kind = $1 AND day = $2 AND of_id = ANY ($3::integer[]);

-- name: tally_forget (reference)
-- Days that are over; what has no day stays.
DELETE FROM tally WHERE day > 0 AND day < $1;

-- Numbers that carriers took out of service, by day.

-- name: deactivation_insert (hot)
-- Known ones stay: a file that is imported twice changes nothing.
INSERT INTO deactivation (bucket, day, number)
SELECT k.* FROM unnest($1::smallint[], $2::date[], $3::text[]) AS k
    ON CONFLICT (bucket, day, number) DO NOTHING
RETURNING bucket;

-- name: deactivation_day_note (reference)
-- A day with a list that is empty is another thing than a day without one.
INSERT INTO deactivation_day AS d (day, updated_at) VALUES ($1, $2)
    ON CONFLICT (day) DO UPDATE SET updated_at = EXCLUDED.updated_at;

-- name: deactivation_day_known (reference)
SELECT EXISTS (SELECT FROM deactivation_day WHERE day = $1);

-- name: deactivations_of_day (fan-out)
-- A part of a day's list: what lies in some buckets, by the primary key.
SELECT number FROM deactivation WHERE bucket = ANY ($1::smallint[]) AND day = $2;

-- name: deactivation_days_purge (reference)
DELETE FROM deactivation_day WHERE day < $1;

-- name: deactivation_purge (fan-out)
-- Bucket by bucket down the primary key.
DELETE FROM deactivation AS d USING unnest($2::smallint[]) AS b (bucket) WHERE d.bucket = b.bucket AND d.day < $1;

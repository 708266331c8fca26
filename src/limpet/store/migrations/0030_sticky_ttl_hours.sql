-- How long mappings count, in hours where a day is too coarse; `sticky_ttl_days` is then the same rounded up. The hour of last use of
-- mappings is in their flags (bits 7 to 11: the hour of the day and one, 0 where it was not noted).

ALTER TABLE service ADD COLUMN sticky_ttl_hours smallint;
ALTER TABLE sticky_space ADD COLUMN sticky_ttl_hours smallint;

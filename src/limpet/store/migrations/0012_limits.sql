-- Limits of accounts, services and members, and small exact counts of what uses them up.

ALTER TABLE account
    ADD COLUMN segments_per_s double precision,              -- null: what the configuration says
    ADD COLUMN scheduled_max integer,
    ADD COLUMN trial boolean NOT NULL DEFAULT false,
    ADD COLUMN verified text[] NOT NULL DEFAULT '{}';        -- whom a trial account may write to

ALTER TABLE service
    ADD COLUMN segments_per_s double precision,
    ADD COLUMN daily_segments integer,
    ADD COLUMN sticky_overflow text NOT NULL DEFAULT 'fail',
    ADD COLUMN paused boolean NOT NULL DEFAULT false;

ALTER TABLE pool_member ADD COLUMN daily_contacts integer;

CREATE TABLE tally (                        -- a reference table: at most a few rows for each thing that has a limit
    kind   text NOT NULL,                   -- contacts of a member, segments of a service: a day's; scheduled of an account: day 0
    of_id  integer NOT NULL,
    day    integer NOT NULL,
    value  bigint NOT NULL,
    PRIMARY KEY (kind, of_id, day)
) WITH (fillfactor = 50);                   -- one row is written again and again (HOT)

INSERT INTO tally (kind, of_id, day, value)
SELECT 'scheduled', account_id, 0, count(*) FROM message WHERE status = 'scheduled' GROUP BY account_id;

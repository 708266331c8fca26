-- How the numbers of pools fare: what became of their messages hour by hour, which of them fail, and what a service does about it.

CREATE TABLE member_hour (                  -- a reference table: a row a member and hour, kept a little longer than a day
    member_id    integer NOT NULL,
    hour         integer NOT NULL,          -- hours since 2000-01-01 UTC
    delivered    integer NOT NULL,
    undelivered  integer NOT NULL,          -- with those that a carrier refused
    filtered     integer NOT NULL,          -- those of the undelivered that a carrier took for spam (30007)
    opted_out    integer NOT NULL,          -- people who answered STOP
    PRIMARY KEY (member_id, hour)
) WITH (fillfactor = 50);                   -- one row is written again and again (HOT)
CREATE INDEX member_hour_by_hour ON member_hour (hour);

CREATE TABLE service_health (               -- what a service calls unhealthy; one without a row does as the code says
    service_id          integer PRIMARY KEY REFERENCES service,
    avoid_unhealthy     boolean NOT NULL,
    delivery_rate_min   double precision NOT NULL,
    filtered_rate_max   double precision NOT NULL,
    opt_out_rate_max    double precision NOT NULL,
    messages_min        integer NOT NULL
);

ALTER TABLE pool_member ADD COLUMN failing_since timestamptz;   -- null: healthy, or not known

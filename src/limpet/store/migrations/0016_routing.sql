-- Which carrier a message takes, what operators and processes say of carriers, and which senders a carrier refuses for a country.

ALTER TABLE sender ADD COLUMN also_through text[];  -- carriers that may take its carrier's place; null: those of the carrier
CREATE INDEX sender_with_others ON sender (id) WHERE also_through IS NOT NULL AND also_through <> '{}' AND released_at IS NULL;

CREATE TABLE member_refused (
    member_id   integer NOT NULL REFERENCES pool_member,
    country     text NOT NULL,              -- the recipients' whose messages its carrier refused
    error_code  integer NOT NULL,
    until_day   integer NOT NULL,           -- it counts before this day
    refused_at  timestamptz NOT NULL,
    PRIMARY KEY (member_id, country)
);

CREATE TABLE carrier_mode (                 -- what operators want; a carrier without a row is active
    name        text PRIMARY KEY,
    mode        text NOT NULL,              -- draining, paused
    changed_at  timestamptz NOT NULL
);

CREATE TABLE lane_health (                  -- what a lane's owner last said of it
    lane           text PRIMARY KEY,
    bound          boolean NOT NULL,
    since          timestamptz NOT NULL,    -- of being bound or not
    seen_at        timestamptz NOT NULL,
    owner          text NOT NULL,
    in_flight      integer NOT NULL,
    window_size    integer NOT NULL,
    submits_per_s  real NOT NULL,           -- over the last minute
    receipts_per_s real NOT NULL,
    throttles      bigint NOT NULL,         -- since the owner has it
    last_error     text,
    last_error_at  timestamptz
);

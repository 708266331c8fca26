-- People who are moved from number to number: because pools have changed, or because a number leaves.

ALTER TABLE pool_member ADD COLUMN drain_day integer,                       -- since when it drains (days since 2000-01-01)
                        ADD COLUMN drain_days smallint NOT NULL DEFAULT 3,  -- how long its people keep it then
                        ADD COLUMN replaces boolean NOT NULL DEFAULT false; -- while disabled: its people get others for good
UPDATE pool_member SET drain_day = current_date - DATE '2000-01-01' WHERE state = 'drain';

-- Rebalances: people who were not in contact lately are moved, so that a pool's people spread by weight.
CREATE TABLE sticky_rebalance (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid          text NOT NULL UNIQUE,
    service_id   integer NOT NULL REFERENCES service,
    credential   text NOT NULL,             -- who planned it
    reason       text,                      -- in their words
    idle_days    smallint NOT NULL,
    percent      smallint,                  -- of the service's people; null: any
    max_moves    integer NOT NULL,
    per_second   smallint NOT NULL,
    state        text NOT NULL,             -- planned, running, paused, done, canceled, undoing, undone, settled
    people       bigint NOT NULL,
    estimated    boolean NOT NULL,          -- not all of them were looked at
    members      jsonb NOT NULL,            -- the pool as the plan saw it
    planned      bigint NOT NULL,
    moved        bigint NOT NULL DEFAULT 0,
    skipped      bigint NOT NULL DEFAULT 0,
    undone       bigint NOT NULL DEFAULT 0,
    progress     integer NOT NULL DEFAULT 0,    -- buckets walked, there or back
    paced_until  timestamptz NOT NULL,      -- what has been moved takes until then
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX sticky_rebalance_of_service ON sticky_rebalance (service_id, id);
CREATE UNIQUE INDEX sticky_rebalance_open ON sticky_rebalance (service_id) WHERE state IN ('running', 'paused', 'undoing');

CREATE TABLE sticky_rebalance_quota (       -- how many people of one sort of place go from a number to another
    rebalance_id   integer NOT NULL REFERENCES sticky_rebalance,
    place          text NOT NULL,           -- names the numbers among which its people are split
    member_before  integer NOT NULL REFERENCES pool_member ON UPDATE CASCADE,
    member_after   integer NOT NULL REFERENCES pool_member ON UPDATE CASCADE,
    planned        bigint NOT NULL,
    moved          bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (rebalance_id, place, member_before, member_after)
);

CREATE TABLE sticky_rebalance_move (        -- who was moved, so that it can be undone
    bucket         smallint NOT NULL,
    rebalance_id   integer NOT NULL,
    recipient      text COLLATE "C" NOT NULL,
    member_before  integer NOT NULL,
    member_after   integer NOT NULL,
    created_day    smallint NOT NULL,       -- of the mapping, which another change of number would change
    PRIMARY KEY (bucket, rebalance_id, recipient)
);

-- A swap of numbers may tell the people whom it moves: a text to each who was in contact lately.
ALTER TABLE number_swap ADD COLUMN notify_body text,                        -- null: nobody is told
                        ADD COLUMN notify_days smallint NOT NULL DEFAULT 30,
                        ADD COLUMN notify_per_s smallint NOT NULL DEFAULT 10,
                        ADD COLUMN to_tell bigint NOT NULL DEFAULT 0,
                        ADD COLUMN told bigint NOT NULL DEFAULT 0,
                        ADD COLUMN untold bigint NOT NULL DEFAULT 0,        -- to whom nothing could be sent
                        ADD COLUMN paced_until timestamptz;
CREATE TABLE swap_notice (                  -- who is still to be told
    bucket     smallint NOT NULL,
    swap_id    integer NOT NULL,
    recipient  text COLLATE "C" NOT NULL,
    tried_at   timestamptz,                 -- a message may have been made then
    PRIMARY KEY (bucket, swap_id, recipient)
);

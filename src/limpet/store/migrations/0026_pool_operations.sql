-- What operators let pool members do, and rebalances: people moved from numbers that have many to those that have few.

ALTER TABLE pool_member ADD COLUMN weight smallint NOT NULL DEFAULT 1,      -- its share of new people beside the others'
                        ADD COLUMN state text NOT NULL DEFAULT 'active';    -- active, drain, disabled

CREATE TABLE rebalance (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id     integer NOT NULL REFERENCES account,
    service_id     integer NOT NULL REFERENCES service,
    state          text NOT NULL,           -- planning, planned, moving, done, undoing, undone, canceled, failed
    idle_days      integer NOT NULL,        -- who was in contact since stays
    people_per_s   integer NOT NULL,        -- how fast people are moved
    plan_day       integer NOT NULL,        -- the day by which people are idle
    bucket         integer NOT NULL DEFAULT 0,  -- how far the present walk has come: this bucket, behind this person
    after          text COLLATE "C" NOT NULL DEFAULT '',
    counts         jsonb NOT NULL DEFAULT '{}', -- what planning has seen
    plan           jsonb NOT NULL DEFAULT '{}', -- what is left to be moved
    people         bigint NOT NULL DEFAULT 0,   -- whose mappings were looked at
    planned        bigint NOT NULL DEFAULT 0,
    moved          bigint NOT NULL DEFAULT 0,
    undone         bigint NOT NULL DEFAULT 0,
    summary        jsonb NOT NULL DEFAULT '[]', -- how many people of which number go where
    due_at         timestamptz NOT NULL,    -- when the next step may be made: the pace
    actor          text NOT NULL,
    reason         text,
    why            text,                    -- why it failed
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);
CREATE INDEX rebalance_of_service ON rebalance (service_id, id);
CREATE UNIQUE INDEX rebalance_open ON rebalance (service_id) WHERE state IN ('planning', 'planned', 'moving', 'undoing');

CREATE TABLE rebalance_move (               -- who was moved, so that it can be undone; a person's last one in a service
    bucket         smallint NOT NULL,
    service_id     integer NOT NULL,
    recipient      text COLLATE "C" NOT NULL,
    rebalance_id   integer NOT NULL,
    member_before  integer NOT NULL,
    member_after   integer NOT NULL,
    PRIMARY KEY (bucket, service_id, recipient)
);

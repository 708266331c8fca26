-- Spaces: several services of one account that share their mappings. A space's id comes from the same sequence as services', so that
-- `service_id` of a mapping, and of an event of one, can be either.

CREATE TABLE sticky_space (
    id                integer PRIMARY KEY,
    sid               text NOT NULL UNIQUE,
    account_id        integer NOT NULL REFERENCES account,
    friendly_name     text NOT NULL,
    of_all            boolean NOT NULL DEFAULT false,   -- every service of the account is in it
    sticky_ttl_days   integer NOT NULL DEFAULT 365,
    hides_since       timestamptz,                      -- as of a service
    generation        bigint NOT NULL DEFAULT 1,        -- +1 with each change of any pool in it
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    deleted_at        timestamptz
);
CREATE INDEX sticky_space_of_account ON sticky_space (account_id, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX sticky_space_of_all ON sticky_space (account_id) WHERE of_all AND deleted_at IS NULL;

ALTER TABLE service ADD COLUMN space_id integer REFERENCES sticky_space;
CREATE INDEX service_of_space ON service (space_id, id) WHERE space_id IS NOT NULL;

ALTER TABLE sticky_import ADD COLUMN scope_id integer;  -- where its mappings go; null: to the service's own

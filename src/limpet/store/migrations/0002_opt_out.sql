-- Who must not be written to. `bucket` is the recipient's; of `service_id` and `sender_id` one is 0: an opt-out holds for a whole
-- service, or for a number that is in none.

CREATE TABLE opt_out (
    bucket        smallint NOT NULL,
    id            bigint NOT NULL,          -- milliseconds, then chance: lists are walked by it
    account_id    integer NOT NULL,
    service_id    integer NOT NULL,
    sender_id     integer NOT NULL,
    recipient     text COLLATE "C" NOT NULL,
    keyword       text NOT NULL,            -- what the person wrote; empty when they did not
    origin        text NOT NULL,            -- text, api, import
    PRIMARY KEY (bucket, recipient, service_id, sender_id)
);
CREATE INDEX opt_out_of_service ON opt_out (service_id, id);

CREATE TABLE opt_out_settings (
    service_id  integer PRIMARY KEY REFERENCES service,
    advanced    boolean NOT NULL,
    sets        jsonb NOT NULL,
    updated_at  timestamptz NOT NULL
);

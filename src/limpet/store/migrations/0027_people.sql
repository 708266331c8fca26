-- People who asked to be forgotten: what is left of them names nobody.

ALTER TABLE account ADD COLUMN keeps_hashes boolean NOT NULL DEFAULT false;  -- some opt-outs of it are under hashes
ALTER TABLE service ADD COLUMN keeps_hashes boolean NOT NULL DEFAULT false;

CREATE TABLE person_request (               -- who had a person's data exported or erased, and when; not of whom
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   integer NOT NULL REFERENCES account,
    act          text NOT NULL,             -- export, erase
    actor        text NOT NULL,
    counts       jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    finished_at  timestamptz                -- null: it was broken off
);
CREATE INDEX person_request_of_account ON person_request (account_id, id);

CREATE TABLE erased_receipt (               -- receipts that may still come for erased messages, and are not to be kept
    bucket              smallint NOT NULL,
    carrier             text COLLATE "C" NOT NULL,
    carrier_message_id  text COLLATE "C" NOT NULL,
    id                  bigint NOT NULL,    -- made at the erasure: the age
    PRIMARY KEY (bucket, carrier, carrier_message_id)
);
CREATE INDEX erased_receipt_age ON erased_receipt (id);

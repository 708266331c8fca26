-- Customers who speak SMPP: who may bind, what waits for their binds, and long messages of which parts are missing.

CREATE TABLE smpp_credential (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid            text NOT NULL UNIQUE,
    account_id     integer NOT NULL REFERENCES account,
    friendly_name  text NOT NULL,
    system_id      text NOT NULL UNIQUE,
    password_hash  bytea NOT NULL,
    service_id     integer REFERENCES service,  -- of messages that name none
    networks       text[] NOT NULL,             -- from where it may bind; empty: from anywhere
    inbound        boolean NOT NULL,            -- whether people's texts are delivered to it
    created_at     timestamptz NOT NULL
);
CREATE INDEX smpp_credential_of_account ON smpp_credential (account_id, id);

CREATE TABLE smpp_delivery (                -- receipts and texts for SMPP customers; written with what they tell of
    bucket      smallint NOT NULL,
    id          bigint NOT NULL,
    account_id  integer NOT NULL,
    message_id  bigint NOT NULL,
    esme        text COLLATE "C" NOT NULL,  -- a system_id, or the SID of an API key
    asked       text NOT NULL,              -- which of the message's ids want a receipt
    kind        text NOT NULL,
    payload     text NOT NULL,              -- the form that a web customer would be posted
    attempt     smallint NOT NULL,
    due_at      timestamptz NOT NULL,       -- whoever delivers it moves this ahead: nobody else takes it meanwhile
    PRIMARY KEY (bucket, id)
);
CREATE INDEX smpp_delivery_due ON smpp_delivery (esme, due_at, id);
CREATE INDEX smpp_delivery_age ON smpp_delivery (id);

CREATE TABLE smpp_part (                    -- parts that were acknowledged and whose message is not whole yet
    bucket       smallint NOT NULL,
    id           bigint NOT NULL,           -- what the part's own SID is made of
    account_id   integer NOT NULL,
    esme         text COLLATE "C" NOT NULL,
    recipient    text COLLATE "C" NOT NULL,
    sender       text COLLATE "C" NOT NULL,
    reference    integer NOT NULL,
    total        smallint NOT NULL,
    number       smallint NOT NULL,
    service_sid  text,
    pdu          bytea NOT NULL,
    PRIMARY KEY (bucket, esme, recipient, sender, reference, total, number)
);
CREATE INDEX smpp_part_age ON smpp_part (id);

-- What the design calls reference tables: small, written rarely, on every node of a cluster.

CREATE TABLE installation (                 -- one row: the keys that must never change while data exists
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    bucket_key  bytea NOT NULL,             -- of the keyed hash that places a recipient's rows
    sid_key     bytea NOT NULL,             -- of the check digits in message SIDs
    created_at  timestamptz NOT NULL
);

CREATE TABLE account (
    id                 integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid                text NOT NULL UNIQUE,
    friendly_name      text NOT NULL,
    status             text NOT NULL DEFAULT 'active',
    auth_token_sealed  bytea NOT NULL,      -- encrypted, not hashed: it signs webhooks
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL
);

CREATE TABLE api_key (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid            text NOT NULL UNIQUE,
    account_id     integer NOT NULL REFERENCES account,
    friendly_name  text NOT NULL,
    secret_hash    bytea NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);

CREATE TABLE service (
    id                             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid                            text NOT NULL UNIQUE,
    account_id                     integer NOT NULL REFERENCES account,
    friendly_name                  text NOT NULL,
    inbound_request_url            text,
    inbound_method                 text NOT NULL,
    fallback_url                   text,
    fallback_method                text NOT NULL,
    status_callback                text,
    sticky_sender                  boolean NOT NULL,
    mms_converter                  boolean NOT NULL,
    smart_encoding                 boolean NOT NULL,
    scan_message_content           text NOT NULL,
    fallback_to_long_code          boolean NOT NULL,
    area_code_geomatch             boolean NOT NULL,
    synchronous_validation         boolean NOT NULL,
    validity_period                integer NOT NULL,
    usecase                        text NOT NULL,
    us_app_to_person_registered    boolean NOT NULL,
    use_inbound_webhook_on_number  boolean NOT NULL,
    status_callback_events         text NOT NULL DEFAULT 'all',
    in_doubt                       text NOT NULL DEFAULT 'resend',
    explicit_from_sticks           boolean NOT NULL DEFAULT true,
    sticky_ttl_days                integer NOT NULL DEFAULT 365,
    generation                     bigint NOT NULL DEFAULT 1,  -- +1 with each change of the service or its pool
    created_at                     timestamptz NOT NULL,
    updated_at                     timestamptz NOT NULL,
    deleted_at                     timestamptz
);
CREATE INDEX service_of_account ON service (account_id, id) WHERE deleted_at IS NULL;

CREATE TABLE sender (
    id                   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid                  text NOT NULL UNIQUE,
    account_id           integer NOT NULL REFERENCES account,
    kind                 text NOT NULL,
    address              text NOT NULL,
    country              text NOT NULL,
    capabilities         text[] NOT NULL,
    friendly_name        text NOT NULL,
    carrier              text NOT NULL,
    sms_url              text NOT NULL DEFAULT '',
    sms_method           text NOT NULL DEFAULT 'POST',
    sms_fallback_url     text NOT NULL DEFAULT '',
    sms_fallback_method  text NOT NULL DEFAULT 'POST',
    status_callback      text NOT NULL DEFAULT '',
    settings             jsonb NOT NULL DEFAULT '{}',
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    released_at          timestamptz
);
CREATE UNIQUE INDEX sender_owned_once ON sender (address) WHERE released_at IS NULL;
CREATE INDEX sender_of_account ON sender (account_id, id) WHERE released_at IS NULL;

CREATE TABLE pool_member (                  -- never deleted while a mapping may point at it, its id never used again
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_id  integer NOT NULL REFERENCES service,
    sender_id   integer NOT NULL REFERENCES sender,
    added_at    timestamptz NOT NULL,
    removed_at  timestamptz
);
CREATE UNIQUE INDEX pool_member_in_one_service ON pool_member (sender_id) WHERE removed_at IS NULL;
CREATE INDEX pool_member_of_service ON pool_member (service_id, id) WHERE removed_at IS NULL;

CREATE TABLE lane (                         -- one stream to one carrier, leased by one process
    name        text PRIMARY KEY,
    owner       text NOT NULL,
    fence       bigint NOT NULL,            -- +1 with each new owner: results of a former owner change nothing
    expires_at  timestamptz NOT NULL
);

-- What grows. `bucket` is the keyed hash of the recipient's address (0 to 1023), first in every key, never updated.
-- Day numbers count from 2000-01-01.

CREATE TABLE sticky_mapping (
    service_id     integer NOT NULL,
    member_id      integer NOT NULL,
    last_used_day  integer NOT NULL,
    bucket         smallint NOT NULL,
    created_day    smallint NOT NULL,
    flags          smallint NOT NULL DEFAULT 0,  -- 1: established, some message of it was sent; 2: written again since made
    recipient      text COLLATE "C" NOT NULL,
    PRIMARY KEY (bucket, service_id, recipient)
) WITH (fillfactor = 90);                   -- room for the daily refresh to stay on its page (HOT)

CREATE TABLE sticky_event (
    bucket         smallint NOT NULL,
    id             bigint NOT NULL,         -- milliseconds, then chance: partitions follow from it
    service_id     integer NOT NULL,
    recipient      text COLLATE "C" NOT NULL,
    kind           text NOT NULL,           -- created, replaced, bypassed, reset, unsent
    cause          text NOT NULL,
    sender_before  text,
    sender_after   text,
    message_id     bigint,
    actor          text NOT NULL,
    PRIMARY KEY (bucket, id)
) PARTITION BY RANGE (id);
CREATE INDEX sticky_event_of_person ON sticky_event (bucket, recipient, id);

CREATE TABLE message (
    bucket               smallint NOT NULL,
    id                   bigint NOT NULL,
    account_id           integer NOT NULL,
    service_id           integer,
    member_id            integer,           -- the membership it was bound to
    direction            text NOT NULL,
    status               text NOT NULL,
    recipient            text COLLATE "C" NOT NULL,  -- the person, whichever way the message goes
    sender               text COLLATE "C",           -- our number, null until chosen
    body                 text NOT NULL,
    num_segments         smallint NOT NULL,
    num_media            smallint NOT NULL DEFAULT 0,
    send_at              timestamptz,       -- when scheduled
    expires_at           timestamptz NOT NULL,
    status_callback      text,
    callback_events      text NOT NULL DEFAULT 'all',
    reason               text,              -- why this sender: the rung that chose it, or why none could be
    sticky               text,              -- what the mapping had to do with it
    rejections           text,              -- where no sender could be chosen: each candidate with its why-not
    error_code           integer,
    lane                 text,
    fence                bigint,            -- of the lane's owner who claimed it
    attempt              smallint NOT NULL DEFAULT 0,
    claimed_at           timestamptz,
    in_doubt_at          timestamptz,       -- since when an answer is missing
    carrier_message_ids  text[],            -- one a segment
    segment_states       text[],
    sent_at              timestamptz,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (bucket, id)
) PARTITION BY RANGE (id);
CREATE INDEX message_of_person ON message (bucket, recipient, id);
CREATE INDEX message_of_account ON message (account_id, id);

CREATE TABLE message_due (                  -- what waits: scheduled, retried, or more than its lane could take
    bucket      smallint NOT NULL,
    id          bigint NOT NULL,
    lane        text NOT NULL,              -- empty: no sender chosen yet
    due_at      timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX message_due_of_lane ON message_due (lane, due_at, id);
CREATE INDEX message_due_expiry ON message_due (expires_at);

CREATE TABLE claim (                        -- one row a batch of claims, until all of them have their answer
    bucket      smallint NOT NULL,          -- keyed hash of the lane's name
    id          bigint NOT NULL,
    lane        text NOT NULL,
    fence       bigint NOT NULL,
    buckets     smallint[] NOT NULL,
    ids         bigint[] NOT NULL,
    PRIMARY KEY (bucket, id)
);

CREATE TABLE receipt_orphan (               -- receipts for which no message is known yet
    bucket              smallint NOT NULL,
    id                  bigint NOT NULL,
    lane                text NOT NULL,
    recipient           text COLLATE "C" NOT NULL,
    sender              text NOT NULL,
    carrier_message_id  text,
    state               text NOT NULL,
    error_code          integer,
    reference           integer,
    submitted_at        timestamptz,
    done_at             timestamptz,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX receipt_orphan_of_person ON receipt_orphan (bucket, recipient);

CREATE TABLE status_callback (              -- owed to customers; written with the change it tells of
    bucket      smallint NOT NULL,
    id          bigint NOT NULL,
    account_id  integer NOT NULL,
    message_id  bigint NOT NULL,
    url         text NOT NULL,
    payload     text NOT NULL,              -- the form as it will be posted
    attempt     smallint NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL,       -- a sender of it moves this ahead: nobody else takes it meanwhile
    PRIMARY KEY (bucket, id)
);
CREATE INDEX status_callback_due ON status_callback (due_at);

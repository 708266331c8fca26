-- Event streams: where a customer wants events sent (sinks), and which (subscriptions, one a sink).

CREATE TABLE event_sink (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid           text NOT NULL UNIQUE,
    account_id    integer NOT NULL REFERENCES account,
    description   text NOT NULL,
    destination   text NOT NULL,
    batch_events  boolean NOT NULL,
    status        text NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
CREATE INDEX event_sink_of_account ON event_sink (account_id, id);

CREATE TABLE event_subscription (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid          text NOT NULL UNIQUE,
    account_id   integer NOT NULL REFERENCES account,
    sink_id      integer NOT NULL UNIQUE REFERENCES event_sink,
    description  text NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX event_subscription_of_account ON event_subscription (account_id, id);

CREATE TABLE event_subscribed (
    id               integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription_id  integer NOT NULL REFERENCES event_subscription ON DELETE CASCADE,
    type             text NOT NULL,
    schema_version   smallint NOT NULL,
    UNIQUE (subscription_id, type)
);

-- Every change of an account's streams takes the next generation and holds it until its commit, so that generations become
-- visible in their order: a process that has seen one has seen all before it.

CREATE TABLE event_generation (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation  bigint NOT NULL
);
INSERT INTO event_generation (generation) VALUES (0);

CREATE TABLE event_change (
    account_id  integer PRIMARY KEY REFERENCES account,
    generation  bigint NOT NULL             -- of its last change
);
CREATE INDEX event_change_generation ON event_change (generation);

-- Numbers that US carriers took out of service on a day, as the operator imported them.

CREATE TABLE deactivation_day (
    day         date PRIMARY KEY,
    updated_at  timestamptz NOT NULL
);

CREATE TABLE deactivation (
    bucket  smallint NOT NULL,              -- the number's
    day     date NOT NULL,
    number  text COLLATE "C" NOT NULL,
    PRIMARY KEY (bucket, day, number)
);

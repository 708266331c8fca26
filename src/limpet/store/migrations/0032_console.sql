-- The operators' console: who may enter, who is in, what was done there, and how it went from minute to minute.

CREATE TABLE console_operator (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text COLLATE "C" NOT NULL UNIQUE,
    role           text NOT NULL,           -- viewer, operator, admin
    password_hash  text NOT NULL,           -- scrypt with its parameters and salt
    totp_sealed    bytea,                   -- null: no second factor
    totp_step      bigint NOT NULL DEFAULT 0,  -- the last step of which a code was taken: none is good twice
    created_at     timestamptz NOT NULL,
    disabled_at    timestamptz
);

CREATE TABLE console_recovery_code (        -- each good once, in the place of a code of the second factor
    operator_id  integer NOT NULL REFERENCES console_operator,
    code_hash    bytea NOT NULL,
    PRIMARY KEY (operator_id, code_hash)
);

CREATE TABLE console_session (
    token_hash   bytea PRIMARY KEY,
    operator_id  integer NOT NULL REFERENCES console_operator,
    created_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    address      text NOT NULL
);
CREATE INDEX console_session_of_operator ON console_session (operator_id);

CREATE TABLE console_failure (              -- tries to sign in, by a keyed hash of the name or the address
    key       bytea PRIMARY KEY,
    failures  integer NOT NULL,
    last_at   timestamptz NOT NULL,
    until     timestamptz NOT NULL          -- before this nothing more is tried
);

CREATE TABLE console_audit (
    id           bigint PRIMARY KEY,        -- made at the deed: its time
    operator     text NOT NULL,
    role         text NOT NULL,
    address      text NOT NULL,
    act          text NOT NULL,
    account_sid  text,
    subject      text NOT NULL,             -- SIDs and numbers of the customer; of a person the last digits and a keyed hash
    outcome      text,                      -- null: it was broken off
    changes      jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE console_minute (               -- what the plots show; kept for a few days
    minute         timestamptz PRIMARY KEY,
    submits_per_s  real,                    -- these come with the end of the minute; null until then
    receipts_per_s real,
    waiting        integer,
    callbacks      integer,
    sampled        integer,                 -- messages that were looked at; of them
    delivered      integer,
    failed         integer,
    latency_ms     integer[]                -- p50, p95, p99 from accepted to sent
);

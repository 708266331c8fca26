-- Content templates, and what customers learned of their messages' fate.

CREATE TABLE content (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid            text NOT NULL UNIQUE,
    account_id     integer NOT NULL REFERENCES account,
    friendly_name  text NOT NULL,
    language       text NOT NULL,
    variables      jsonb NOT NULL,
    types          jsonb NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);
CREATE INDEX content_of_account ON content (account_id, id);

CREATE TABLE feedback (
    bucket      smallint NOT NULL,
    message_id  bigint NOT NULL,
    outcome     text NOT NULL,              -- confirmed, unconfirmed
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (bucket, message_id)
);

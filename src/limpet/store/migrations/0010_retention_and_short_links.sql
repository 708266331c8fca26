-- What is not kept of a message, short links in its text, and how each account wants clicks on them told.

ALTER TABLE message ADD COLUMN marks smallint;      -- null: none. 1: discard its text, 2: obfuscate its recipient, 4: links, 8: obfuscated
CREATE INDEX message_to_obfuscate ON message (id) WHERE marks & 10 = 2;

ALTER TABLE status_callback ADD COLUMN payload_kept text;  -- the form without what will not be kept, where that differs

ALTER TABLE service ADD COLUMN hides_since timestamptz;    -- since when some mapping may be under a pseudonym

CREATE TABLE message_link (
    bucket      smallint NOT NULL,          -- the message's
    message_id  bigint NOT NULL,
    code        text COLLATE "C" NOT NULL,
    url         text NOT NULL,
    clicks      integer NOT NULL DEFAULT 0,
    PRIMARY KEY (bucket, message_id, code)
);

CREATE TABLE short_link (
    bucket          smallint NOT NULL,      -- keyed hash of the code, since that is what is asked for
    code            text COLLATE "C" NOT NULL,
    message_bucket  smallint NOT NULL,
    message_id      bigint NOT NULL,
    account_id      integer NOT NULL,       -- whose fallback counts when the message is gone
    PRIMARY KEY (bucket, code)
);
CREATE INDEX short_link_age ON short_link (message_id);

CREATE TABLE link_config (
    account_id           integer PRIMARY KEY REFERENCES account,
    sid                  text NOT NULL UNIQUE,
    callback_url         text,
    fallback_url         text,
    continue_on_failure  boolean NOT NULL,
    disable_https        boolean NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL
);

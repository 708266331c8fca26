-- What became of each try to reach a customer's URL: to be looked at, and posted once more when the customer asks.

CREATE TABLE webhook_delivery (
    bucket           smallint NOT NULL,     -- the message's
    id               bigint NOT NULL,
    account_id       integer NOT NULL,
    message_id       bigint NOT NULL,
    callback_id      bigint NOT NULL,       -- what makes the idempotency token: posted again, it is the same
    kind             text NOT NULL,
    method           text NOT NULL,
    url              text NOT NULL,
    payload          text NOT NULL,
    fallback_url     text,
    fallback_method  text NOT NULL,
    attempt          smallint NOT NULL,     -- counted from 1
    outcome          text NOT NULL,         -- taken, postponed, given_up
    http_status      smallint,              -- null when there was no answer
    failure          text,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX webhook_delivery_of_message ON webhook_delivery (bucket, message_id, id);
CREATE INDEX webhook_delivery_of_account ON webhook_delivery (account_id, id);

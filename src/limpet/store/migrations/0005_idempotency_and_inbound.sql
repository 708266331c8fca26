-- A customer's own key for a request that makes a message: repeated, it answers the message that it made.
-- `bucket` is the key's own, not the recipient's, since the key is what is asked for.

CREATE TABLE idempotency_key (
    bucket          smallint NOT NULL,
    account_id      integer NOT NULL,
    key             text COLLATE "C" NOT NULL,
    form_hash       bytea NOT NULL,         -- the same key with another form is a mistake
    message_bucket  smallint NOT NULL,
    message_id      bigint NOT NULL,
    PRIMARY KEY (bucket, account_id, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (message_id);

-- Inbound webhooks wait in the same queue as status callbacks.

ALTER TABLE status_callback
    ADD COLUMN kind text NOT NULL DEFAULT 'status',
    ADD COLUMN method text NOT NULL DEFAULT 'POST',
    ADD COLUMN fallback_url text,
    ADD COLUMN fallback_method text NOT NULL DEFAULT 'POST';

ALTER TABLE service ADD COLUMN sticky_inbound text NOT NULL DEFAULT 'off';

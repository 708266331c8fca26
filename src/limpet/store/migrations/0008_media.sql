-- Media of messages, where customers keep them, and the short links by which people are led there.

CREATE TABLE message_media (
    bucket        smallint NOT NULL,
    message_id    bigint NOT NULL,
    position      smallint NOT NULL,
    url           text NOT NULL,
    content_type  text NOT NULL,
    PRIMARY KEY (bucket, message_id, position)
);

CREATE TABLE media_link (
    bucket          smallint NOT NULL,      -- keyed hash of the code, since that is what is asked for
    code            text COLLATE "C" NOT NULL,
    message_bucket  smallint NOT NULL,
    message_id      bigint NOT NULL,
    PRIMARY KEY (bucket, code)
);
CREATE INDEX media_link_age ON media_link (message_id);

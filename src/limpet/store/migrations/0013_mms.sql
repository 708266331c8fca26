-- Messages that go out with their media, and what carriers over HTTP have brought before.

CREATE TABLE message_mms (
    bucket      smallint NOT NULL,
    message_id  bigint NOT NULL,
    carried     boolean NOT NULL,   -- a sender that carries media has it; until one is chosen it waits
    link        text,               -- what may stand for the media where nobody carries them; NULL: nothing may
    PRIMARY KEY (bucket, message_id)
);

CREATE TABLE inbound_seen (
    bucket              smallint NOT NULL,
    carrier             text COLLATE "C" NOT NULL,
    carrier_message_id  text COLLATE "C" NOT NULL,
    message_id          bigint NOT NULL,
    PRIMARY KEY (bucket, carrier, carrier_message_id)
);
CREATE INDEX inbound_seen_age ON inbound_seen (message_id);

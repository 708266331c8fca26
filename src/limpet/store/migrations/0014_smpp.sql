-- Long texts from people in parts, and how carriers spell their ids.

CREATE TABLE inbound_text (                 -- texts of which some parts have come, and for a while those that are whole
    bucket     smallint NOT NULL,
    recipient  text COLLATE "C" NOT NULL,   -- the person who writes
    sender     text COLLATE "C" NOT NULL,   -- our number
    carrier    text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,   -- tells the text from others between the two: the scheme, its reference, its parts
    lane       text NOT NULL,               -- by which the last part came
    parts      jsonb NOT NULL DEFAULT '{}', -- number to alphabet and octets
    given_on   boolean NOT NULL DEFAULT false,  -- it is a message; kept so that a repeated part is known
    due_at     timestamptz NOT NULL,        -- when what is there is given on, or, given on, forgotten
    PRIMARY KEY (bucket, recipient, sender, carrier, name)
);
CREATE INDEX inbound_text_due ON inbound_text (due_at);

CREATE TABLE carrier_spelling (             -- how the ids in a carrier's receipts become those of its answers
    carrier     text PRIMARY KEY,
    spelling    text NOT NULL,
    learned_at  timestamptz NOT NULL
);

-- Mappings that are brought from elsewhere: what is known of each import, the lines that wait to be merged, those that were not
-- taken, and what the ones that were taken replaced.

CREATE TABLE sticky_import (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid             text NOT NULL UNIQUE,
    service_id      integer NOT NULL REFERENCES service,
    actor           text NOT NULL,          -- of the events that it writes: it names the import
    credential      text NOT NULL,          -- who began it
    mode            text NOT NULL,          -- skip, newer, overwrite
    dialect         text,                   -- null: recognised by the file itself
    log_service     text,                   -- the service of a log whose messages count; null: all
    dry_run         boolean NOT NULL,
    state           text NOT NULL,          -- loading, merging, done, failed, undoing, undone
    why             text,                   -- of failed
    blocks          integer NOT NULL DEFAULT 0,  -- of the file, read and staged
    digest          text,                   -- of those
    staged          bigint NOT NULL DEFAULT 0,
    merged_buckets  integer NOT NULL DEFAULT 0,
    counts          jsonb NOT NULL,
    first_event_id  bigint NOT NULL,        -- all its events are from here
    last_event_id   bigint NOT NULL,        -- to here
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE INDEX sticky_import_of_service ON sticky_import (service_id, id);

-- What is lost with a crash of the server is read again from the file.
CREATE UNLOGGED TABLE sticky_staged (
    event_id       bigint NOT NULL,         -- of the event that tells of it; in the order of the lines
    at             bigint NOT NULL,         -- seconds since 1970: of a person's lines the newest counts
    import_id      integer NOT NULL,
    member_id      integer NOT NULL,
    last_used_day  integer NOT NULL,
    bucket         smallint NOT NULL,
    created_day    smallint NOT NULL,
    flags          smallint NOT NULL,
    recipient      text COLLATE "C" NOT NULL,
    hidden         text COLLATE "C"         -- the person's pseudonym, where the service may have mappings under such
);
CREATE INDEX sticky_staged_of_import ON sticky_staged (bucket, import_id);

CREATE TABLE sticky_import_problem (
    bucket     smallint NOT NULL,           -- of the import: its id modulo the number of buckets
    import_id  integer NOT NULL,
    line       bigint NOT NULL,
    place      integer NOT NULL,            -- within the line, which may hold several records
    why        text NOT NULL,
    what       text NOT NULL,
    PRIMARY KEY (bucket, import_id, line, place)
);

CREATE TABLE sticky_import_before (
    bucket         smallint NOT NULL,
    import_id      integer NOT NULL,
    member_id      integer NOT NULL,
    last_used_day  integer NOT NULL,
    created_day    smallint NOT NULL,
    flags          smallint NOT NULL,
    recipient      text COLLATE "C" NOT NULL,
    PRIMARY KEY (bucket, import_id, recipient)
);

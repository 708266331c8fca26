-- A2P 10DLC: brands, campaigns, toll-free verifications, and the registration of each number with a campaign. All of it is small,
-- and written rarely. What the hot path needs of it lies in the rows that it reads anyway: `pool_member.clearance`, `sender.a2p_held`.

ALTER TABLE service ADD COLUMN require_a2p boolean NOT NULL DEFAULT false;
ALTER TABLE sender ADD COLUMN a2p_held boolean NOT NULL DEFAULT false;       -- still being taken out of a campaign
CREATE INDEX sender_held ON sender (address) WHERE a2p_held;
ALTER TABLE pool_member ADD COLUMN clearance text NOT NULL DEFAULT 'clear',  -- towards the United States
                        ADD COLUMN retiring boolean NOT NULL DEFAULT false;  -- being swapped for another number

CREATE TABLE brand (
    id                    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid                   text NOT NULL UNIQUE,
    account_id            integer NOT NULL REFERENCES account,
    customer_profile_sid  text NOT NULL,
    a2p_profile_sid       text NOT NULL,
    brand_type            text NOT NULL,
    mock                  boolean NOT NULL,
    skip_vetting          boolean NOT NULL,
    status                text NOT NULL,
    identity_status       text,
    tcr_id                text,
    score                 smallint,
    errors                jsonb NOT NULL DEFAULT '[]',
    job_key               text NOT NULL,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL
);
CREATE INDEX brand_of_account ON brand (account_id, id);

CREATE TABLE campaign (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid         text NOT NULL UNIQUE,
    account_id  integer NOT NULL REFERENCES account,
    service_id  integer NOT NULL REFERENCES service,
    brand_id    integer NOT NULL REFERENCES brand,
    usecase     text NOT NULL,
    status      text NOT NULL,
    mock        boolean NOT NULL,
    fields      jsonb NOT NULL,
    errors      jsonb NOT NULL DEFAULT '[]',
    tcr_id      text,
    limits      jsonb NOT NULL,
    job_key     text NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    deleted_at  timestamptz
);
CREATE UNIQUE INDEX campaign_of_service ON campaign (service_id) WHERE deleted_at IS NULL;
CREATE INDEX campaign_of_brand ON campaign (brand_id) WHERE deleted_at IS NULL;

CREATE TABLE tollfree_verification (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid         text NOT NULL UNIQUE,
    account_id  integer NOT NULL REFERENCES account,
    sender_id   integer NOT NULL REFERENCES sender,
    status      text NOT NULL,
    fields      jsonb NOT NULL,
    reason      text,
    error_code  integer,
    edit_until  timestamptz,
    job_key     text NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    deleted_at  timestamptz
);
CREATE UNIQUE INDEX tollfree_verification_of_sender ON tollfree_verification (sender_id) WHERE deleted_at IS NULL;
CREATE INDEX tollfree_verification_of_account ON tollfree_verification (account_id, id) WHERE deleted_at IS NULL;

CREATE TABLE number_registration (          -- one membership with one campaign, from its first day to its last
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   integer NOT NULL REFERENCES account,
    service_id   integer NOT NULL REFERENCES service,
    campaign_id  integer NOT NULL REFERENCES campaign,
    member_id    integer NOT NULL REFERENCES pool_member,
    sender_id    integer NOT NULL REFERENCES sender,
    address      text NOT NULL,             -- a number that another account takes is the same number
    stage        text NOT NULL,             -- core.registration.Stage
    reason       text,
    error_code   integer,
    job_key      text,                      -- of what the registrar is asked at present
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    UNIQUE (member_id, campaign_id)
);
CREATE INDEX number_registration_open ON number_registration (address) WHERE stage <> 'free';
CREATE INDEX number_registration_of_campaign ON number_registration (campaign_id) WHERE stage <> 'free';
CREATE INDEX number_registration_of_service ON number_registration (service_id, sender_id, id);

CREATE TABLE number_registration_step (     -- what happened to a registration, in order
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registration_id  integer NOT NULL REFERENCES number_registration,
    event            text NOT NULL,
    stage            text NOT NULL,
    reason           text,
    error_code       integer,
    at               timestamptz NOT NULL
);
CREATE INDEX number_registration_step_of ON number_registration_step (registration_id, id);

CREATE TABLE registration_job (             -- what the registrar is asked; the key makes asking twice the same as once
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key           text NOT NULL UNIQUE,
    kind          text NOT NULL,
    subject_id    integer NOT NULL,         -- of the brand, campaign, verification or number_registration
    account_id    integer NOT NULL REFERENCES account,
    state         text NOT NULL,            -- due, sending, waiting, done
    superseded    boolean NOT NULL DEFAULT false,  -- nobody wants the answer any more
    attempt       integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL,
    fence         bigint NOT NULL DEFAULT 0,  -- +1 with each claim: what a former claimant answers changes nothing
    leased_until  timestamptz,
    reference     text,                     -- the registrar's own name for it
    verdict       text,                     -- an operator's word, in the place of the registrar's: approve, reject
    error_code    integer,
    reason        text,
    trouble       text,                     -- why the last try came to nothing
    created_at    timestamptz NOT NULL,
    submitted_at  timestamptz,
    ended_at      timestamptz
);
CREATE INDEX registration_job_due ON registration_job (due_at) WHERE state <> 'done';
CREATE INDEX registration_job_of_subject ON registration_job (subject_id, kind);

CREATE TABLE number_swap (                  -- a number that is to take another one's place in its pool
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id     integer NOT NULL REFERENCES account,
    service_id     integer NOT NULL REFERENCES service,
    old_member_id  integer NOT NULL REFERENCES pool_member,
    new_member_id  integer NOT NULL REFERENCES pool_member,
    state          text NOT NULL,           -- registering, moving, finishing, done, failed, canceled
    progress       integer NOT NULL DEFAULT 0,   -- how far the people have been moved
    moved          bigint NOT NULL DEFAULT 0,
    reason         text,
    actor          text NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);
CREATE UNIQUE INDEX number_swap_open ON number_swap (old_member_id) WHERE state IN ('registering', 'moving', 'finishing');
CREATE INDEX number_swap_of_service ON number_swap (service_id, id);

-- What operators let pool members do: their share of new people, and whether they get any or are used at all.

ALTER TABLE pool_member ADD COLUMN weight smallint NOT NULL DEFAULT 1,      -- its share of new people beside the others'
                        ADD COLUMN state text NOT NULL DEFAULT 'active';    -- active, drain, disabled

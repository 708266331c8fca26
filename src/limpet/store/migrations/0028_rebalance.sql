-- People who are moved from number to number: because pools have changed, or because a number leaves.

ALTER TABLE pool_member ADD COLUMN drain_day integer,                       -- since when it drains (days since 2000-01-01)
                        ADD COLUMN drain_days smallint NOT NULL DEFAULT 3,  -- how long its people keep it then
                        ADD COLUMN replaces boolean NOT NULL DEFAULT false; -- while disabled: its people get others for good
UPDATE pool_member SET drain_day = current_date - DATE '2000-01-01' WHERE state = 'drain';

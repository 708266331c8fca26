-- Sub-accounts: an account may be owned by a main account, which acts for it. One level: the owner of an owned one is none.

ALTER TABLE account ADD COLUMN owner_sid text REFERENCES account (sid);
CREATE INDEX account_of_owner ON account (owner_sid, id) WHERE owner_sid IS NOT NULL;

-- Where an account may send to (null: everywhere), and the credentials by which nothing is sent at all.

ALTER TABLE account
    ADD COLUMN countries text[],
    ADD COLUMN test_sid text UNIQUE,
    ADD COLUMN test_token_sealed bytea;

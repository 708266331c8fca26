-- Short codes, names and senders of other channels. A name may be many accounts' and services'; whatever else sends has one owner.

DROP INDEX sender_owned_once;
CREATE UNIQUE INDEX sender_owned_once ON sender (address)
 WHERE released_at IS NULL AND kind NOT IN ('alphanumeric', 'destination_alpha');

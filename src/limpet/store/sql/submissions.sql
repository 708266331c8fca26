-- What a carrier was given and what it said, for people who look.

-- name: in_doubt_of_account_down (fan-out)
-- An account's messages of which nobody knows whether they left, newest first. Each of them is named by an open claim.
SELECT m.* FROM message m
  JOIN (SELECT DISTINCT k.bucket, k.id FROM claim c CROSS JOIN LATERAL unnest(c.buckets, c.ids) AS k (bucket, id)) AS k
    ON m.bucket = k.bucket AND m.id = k.id
 WHERE m.account_id = $1 AND m.status = 'sending' AND m.in_doubt_at IS NOT NULL AND m.id < $2 ORDER BY m.id DESC LIMIT $3;

-- name: in_doubt_of_account_up (fan-out)
SELECT m.* FROM message m
  JOIN (SELECT DISTINCT k.bucket, k.id FROM claim c CROSS JOIN LATERAL unnest(c.buckets, c.ids) AS k (bucket, id)) AS k
    ON m.bucket = k.bucket AND m.id = k.id
 WHERE m.account_id = $1 AND m.status = 'sending' AND m.in_doubt_at IS NOT NULL AND m.id > $2 ORDER BY m.id LIMIT $3;

-- name: unreceipted (fan-out)
-- Messages of some lanes, made from $2 to before $3, that still have no final receipt, oldest first: account by account, as the index
-- lies, so that nothing else of that time is read.
SELECT m.* FROM account a
 CROSS JOIN LATERAL (SELECT * FROM message o WHERE o.account_id = a.id AND o.id >= $2 AND o.id < $3 AND o.status = 'sent'
                        AND o.lane = ANY ($1::text[]) ORDER BY o.id LIMIT $4) AS m
 ORDER BY m.id LIMIT $4;

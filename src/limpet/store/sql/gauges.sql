-- How much waits, for operators who watch: asked when metrics are fetched, and not more often than every few seconds.

-- name: gauge_queues (fan-out)
-- What waits for each lane, and since when the oldest could have gone. The empty lane is that of messages without a sender.
SELECT lane, count(*) AS waiting, min(due_at) AS oldest FROM message_due GROUP BY lane;

-- name: gauge_callbacks (fan-out)
-- Callbacks and events that are owed; those of which the lease is over are nobody's at the moment.
SELECT count(*) AS owed, count(*) FILTER (WHERE due_at <= $1) AS due, min(due_at) AS oldest FROM status_callback;

-- name: gauge_receipts (fan-out)
-- Receipts of which no message is known.
SELECT count(*) FROM receipt_orphan;

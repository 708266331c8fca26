-- Since when a sink has taken nothing: null while it takes what it gets.

ALTER TABLE event_sink ADD COLUMN failing_since timestamptz;

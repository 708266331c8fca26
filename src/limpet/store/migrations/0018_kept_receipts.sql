-- Receipts that wait for their message are walked through, and forgotten, by age.

CREATE INDEX receipt_orphan_age ON receipt_orphan (id);

-- How far carriers' clocks are from ours, as their receipts have shown.

CREATE TABLE carrier_clock (
    carrier      text PRIMARY KEY,
    least_s      double precision NOT NULL, -- the carrier's clock minus ours is between these, in seconds
    most_s       double precision NOT NULL,
    precision_s  double precision NOT NULL,
    learned_at   timestamptz NOT NULL
);

"""Segments as Twilio's own calculator counts them: `segment_counts.json` holds its answers.

The file was written by `benchmarks/compare_segments.py --table` from npm's `sms-segments-calculator` 1.3.0.
"""

from __future__ import annotations

import json
from pathlib import Path

from limpet.core.encoding import segment

TABLE = Path(__file__).with_name("segment_counts.json")


def test_every_text_of_the_table_counts_as_with_twilios_calculator() -> None:
    rows = json.loads(TABLE.read_text(encoding="ascii"))
    assert len(rows) >= 100
    counted = [[str(segment(body).encoding), segment(body).count, body] for _, _, body in rows]
    assert counted == rows

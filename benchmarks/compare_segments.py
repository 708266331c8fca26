"""Count the segments of many texts with Limpet and with Twilio's calculator, and name every text on which they differ.

Needs node and the npm package `sms-segments-calculator` (1.3.0), which Limpet does not depend on. In a directory apart:

    npm install sms-segments-calculator@1.3.0
    python benchmarks/compare_segments.py --package node_modules/sms-segments-calculator

The texts are random, from a seed, and aimed at the edges: lengths about each limit, characters of two septets,
surrogate pairs, clusters of every kind. Texts with a cluster of more than 33 code units are left out: with those the
calculator may put more into a segment than its 140 octets hold.
`--smart` compares with smart encoding on, without the texts of which nothing would be left: Limpet sends those as they are.
`--table FILE` also writes the texts with the calculator's answers; a small one is what the tests read.
Ends with status 0 when both agree, 1 when they differ, 2 when node or the package is not there.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from limpet.core.encoding import segment
from limpet.core.graphemes import clusters
from limpet.core.lookalikes import smart_encoded

CLUSTER_UNITS_MAX = 33
"""Two such clusters and one unit more still fit in a segment of 67."""

LENGTHS = (1, 67, 70, 134, 140, 153, 160, 201, 268, 306, 320, 459, 612, 1600)
TABLE_UNITS_MAX = 330
"""Longer texts stay out of a written table, which is to be small."""

GSM7_PALETTES = 3
"""How many of the palettes, from the first, hold nothing outside GSM-7."""

PALETTES: tuple[tuple[str, ...], ...] = (
    tuple("abcxyz 0189@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà"),
    tuple("{}[]\\^~|€\f"),
    ("\n", "\r", "\r\n", " "),
    tuple("`çêáâÁ“”’–…\t\x00\x7f\u00a0"),
    tuple("приветΩщЖ"),
    tuple("你好世界안녕하세요日本語"),
    tuple("😀🎉🚀💙🤷𝔘𠜎"),
    ("e\u0301", "a\u0308\u0323", "o" + "\u0335" * 7, "\u0301", "n\u0303"),
    ("👍🏽", "🧑🏿", "☝🏻", "☝\ufe0f🏻", "✌\ufe0f", "🏽", "👩🏾\u200d🚀"),
    (
        "👨\u200d👩\u200d👧\u200d👦",
        "👩\u200d❤\ufe0f\u200d💋\u200d👨🏽",
        "🏳\ufe0f\u200d🌈",
        "🧑\u200d🌾",
        "\u200d",
        "👁\ufe0f\u200d🗨\ufe0f",
    ),
    ("🇩🇪", "🇺🇸", "🇦", "🇫🇷\ufe0f\u20e3", "1\ufe0f\u20e3", "\u0600🇬🇧", "\u0600\u0600🇬🇧"),
    ("नि", "क्ष", "हिन्दी", "தமிழ்", "ที่", "กำ", "\u0600", "\u06ddب", "മ്മ", "\u0d4eക"),
    ("\u1100\u1161\u11a8", "\u1100", "\u1161", "\u11a8", "가\u11a8", "각", "\u1112\u1161\u11ab"),
    ("\u200b", "\u2028", "\ufeff", "\U000e0067", "\U000e0001", "\u00ad"),
)

CALCULATOR = """
const { SegmentedMessage } = require(process.argv[1]);
const lines = require('readline').createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const message = new SegmentedMessage(JSON.parse(line), 'auto', process.argv[2] === 'smart');
  process.stdout.write(JSON.stringify([message.encodingName, message.segmentsCount]) + '\\n');
});
"""


def code_units(text: str) -> int:
    """How many 16-bit units the text takes in UTF-16."""
    return len(text.encode("utf-16-le")) // 2


def random_text(chance: random.Random) -> str:
    """A text of a few kinds of pieces, about as long as one of the limits."""
    target = max(0, chance.choice(LENGTHS) + chance.randint(-4, 4))
    palettes = PALETTES[:GSM7_PALETTES] if chance.random() < 0.4 else PALETTES
    kinds = chance.sample(palettes, chance.randint(1, min(4, len(palettes))))
    weights = [chance.choice((1, 1, 5, 40)) for _ in kinds]
    pieces: list[str] = []
    length = 0
    while length < target:
        pieces.append(chance.choice(chance.choices(kinds, weights)[0]))
        length += code_units(pieces[-1])
    return "".join(pieces)


def texts(count: int, chance: random.Random) -> Iterator[str]:
    """`count` texts in whose segments the calculator puts no more than they hold."""
    while count:
        text = random_text(chance)
        if all(code_units(cluster) <= CLUSTER_UNITS_MAX for cluster in clusters(text)):
            count -= 1
            yield text


def calculated(package: Path, bodies: list[str], *, smart: bool) -> list[tuple[str, int]]:
    """What the calculator says of each text: its encoding and its number of segments."""
    command = ["node", "-e", CALCULATOR, str(package.resolve()), "smart" if smart else "plain"]
    lines = "".join(json.dumps(body) + "\n" for body in bodies)
    answers = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    return [(encoding, count) for encoding, count in map(json.loads, answers)]


def counted(body: str, *, smart: bool) -> tuple[str, int]:
    """What Limpet says of a text."""
    segmented = segment(smart_encoded(body) if smart else body)
    return str(segmented.encoding), segmented.count


def write_table(path: Path, bodies: list[str], answers: list[tuple[str, int]]) -> None:
    """One line a text: its encoding, its number of segments and the text itself."""
    answered = zip(bodies, answers, strict=True)
    rows = [json.dumps([*answer, body]) for body, answer in answered if code_units(body) <= TABLE_UNITS_MAX]
    path.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="ascii")


def parsed_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path, default=Path("node_modules/sms-segments-calculator"))
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smart", action="store_true", help="compare with smart encoding")
    parser.add_argument("--table", type=Path, help="write the texts and the calculator's answers to this file")
    return parser.parse_args()


def main() -> int:
    """Compare, report, and answer the exit status."""
    arguments = parsed_arguments()
    if shutil.which("node") is None or not (arguments.package / "package.json").exists():
        print(f"compare_segments: needs node, and sms-segments-calculator in {arguments.package}; nothing was compared")
        return 2
    bodies = list(texts(arguments.texts, random.Random(arguments.seed)))
    if arguments.smart:
        bodies = [body for body in bodies if smart_encoded("." + body) != "." or not body]
    answers = calculated(arguments.package, bodies, smart=arguments.smart)
    if arguments.table:
        write_table(arguments.table, bodies, answers)
    ours = [counted(body, smart=arguments.smart) for body in bodies]
    different = [row for row in zip(bodies, answers, ours, strict=True) if row[1] != row[2]]
    for body, theirs, mine in different[:20]:
        print(f"differs: calculator {theirs}, Limpet {mine}: {body!a}")
    print(f"compare_segments: {len(bodies)} texts, {len(different)} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

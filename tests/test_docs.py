"""The documents and the code say the same: each rule of Sticky Sender is stated once, obeyed in the code and tested."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RULES = ROOT / "docs" / "sticky-sender.md"
STATED = re.compile(r"\*\*(S-\d+)\*\*")
CITED = re.compile(r"(?<![A-Za-z0-9])S[-_](\d+)(?!\d)")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
TEST_LINK = re.compile(r"\]\(tests/\w+/test_\w+\.py\)")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def cited_in(folder: str) -> set[str]:
    """Rules that the files of a folder cite, as `S-1` or in the name of a test, `test_S_1_…`."""
    paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".sql"} and path != Path(__file__)]
    return {f"S-{number}" for path in paths for number in CITED.findall(path.read_text())}


def stated() -> list[str]:
    return STATED.findall(RULES.read_text())


def test_each_rule_is_stated_once():
    assert sorted(stated()) == sorted(set(stated()))
    assert stated()


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_rules_stated_and_rules_cited_are_the_same(folder: str):
    differing = set(stated()) ^ cited_in(folder)
    assert not differing, f"stated or cited, but not both: {', '.join(sorted(differing))}"


def test_a_rule_is_not_mistaken_for_another_word():
    assert CITED.findall("UCS-2, SHA-256, S-12, (S-3), GSMS-7, test_S_2_64_firsts, UCS_2") == ["12", "3", "2"]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_within_the_documents_lead_somewhere(page: Path):
    for target, anchor in LINK.findall(page.read_text()):
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), f"{target} is not there"
        if anchor:
            assert anchor[1:] in {slug(title) for title in HEADING.findall(linked.read_text())}, (
                f"{target}{anchor} is not there"
            )


def feature_rows() -> list[str]:
    """The rows of README's table of what is there, without its head."""
    table = (ROOT / "README.md").read_text().partition("## What is there today")[2].partition("\n\n|")[2]
    return [row for row in table.partition("\n\n")[0].splitlines()[2:] if row]


def test_each_feature_links_to_its_test():
    rows = feature_rows()
    assert len(rows) > 30
    assert [row for row in rows if not TEST_LINK.search(row)] == []


def slug(title: str) -> str:
    """A heading's anchor, as the usual renderers make it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")

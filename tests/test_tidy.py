"""Sizes, names and habits of the tree, held by tests that are themselves held to a bad example each."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = sorted(path for folder in ("examples", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
PURE = [path for path in SOURCES if path.relative_to(ROOT / "src" / "limpet").parts[0] in {"core", "twilio", "smpp"}]
WRITTEN = {
    ".py",
    ".sql",
    ".md",
    ".toml",
    ".lock",
    ".html",
    ".css",
    ".js",
    ".cjs",
    ".json",
    ".yml",
    ".yaml",
    ".service",
    "",
}
FOLDERS = (".ci", "benchmarks", "deploy", "docs", "examples", "requirements", "src", "tests")

FUNCTION_LINES_MAX = 70
SOURCE_LINES_MAX = 400
TEST_LINES_MAX = 450
PACE_S_MAX = 0.05
VAGUE_MODULES = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "managers"}
VAGUE_CLASS = re.compile(r"(Manager|Helper|Utils?|Misc)$")
DANGEROUS_MODULES = {"pickle", "marshal", "shelve", "dill", "jsonpickle"}
DANGEROUS_CALLS = {"eval", "exec", "yaml.load", "os.system", "os.popen"}
MOCKS = {"mock", "unittest.mock"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
UNTESTED = re.compile(r"xfail|mark\.skip\(|assert " + r"True\b")
INDEX_HOSTS = re.compile(
    "|".join(name.replace("_", r"\.") for name in ("pypi_org", "python" + "hosted_", "npmjs_", "deb_debian_org"))
)
OF_ONE_MACHINE = re.compile(r"(?<![\w.])/(work|root|home/\w+|Users/\w+)/")

Complaints = Iterator[str]


def functions_too_long(tree: ast.Module) -> Complaints:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.name} has {lines} lines"


def vague_classes(tree: ast.Module) -> Complaints:
    yield from (
        f"class {node.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and VAGUE_CLASS.search(node.name)
    )


def dangerous_things(tree: ast.Module) -> Complaints:
    for node in ast.walk(tree):
        yield from (f"imports {name}" for name in imported(node) if name.split(".")[0] in DANGEROUS_MODULES)
        if isinstance(node, ast.Call) and (called := ast.unparse(node.func)) in DANGEROUS_CALLS:
            yield f"calls {called}"
        if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) == "True":
            yield "runs a shell"


def impure_things(tree: ast.Module) -> Complaints:
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"waits in line {node.lineno}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "open",
            "print",
            "input",
            "datetime.now",
            "datetime.utcnow",
        }:
            yield f"calls {ast.unparse(node.func)}"


def no_docstring(tree: ast.Module) -> Complaints:
    if tree.body and not ast.get_docstring(tree):
        yield "no docstring"


def mocks(tree: ast.Module) -> Complaints:
    for node in ast.walk(tree):
        yield from (f"imports {name}" for name in imported(node) if name in MOCKS or name.startswith("unittest.mock."))


def sleeps(tree: ast.Module) -> Complaints:
    """A moment's sleep may pace a loop that looks for something; more than that is a guess about time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"sleep", "time.sleep", "asyncio.sleep"}:
            seconds = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if not isinstance(seconds, int | float) or seconds > PACE_S_MAX:
                yield f"sleeps in line {node.lineno}"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
    return []


def found_in(paths: list[Path], check: Callable[[ast.Module], Complaints]) -> list[str]:
    return [f"{path.relative_to(ROOT)}: {said}" for path in paths for said in check(ast.parse(path.read_text()))]


BAD_EXAMPLES: list[tuple[Callable[[ast.Module], Complaints], list[Path], str]] = [
    (functions_too_long, SOURCES + TESTS + SCRIPTS, "def f():\n" + "    pass\n" * 70),
    (vague_classes, SOURCES, "class PoolManager: ..."),
    (dangerous_things, SOURCES + SCRIPTS, "import pickle"),
    (dangerous_things, SOURCES + SCRIPTS, "from shelve import open"),
    (dangerous_things, SOURCES + SCRIPTS, "eval('1')"),
    (dangerous_things, SOURCES + SCRIPTS, "yaml.load(text)"),
    (dangerous_things, SOURCES + SCRIPTS, "subprocess.run('ls', shell=True)"),
    (impure_things, PURE, "async def f(): ..."),
    (impure_things, PURE, "now = datetime.now(UTC)"),
    (no_docstring, SOURCES, "x = 1"),
    (no_docstring, TESTS, "x = 1"),
    (mocks, TESTS, "from unittest import mock"),
    (mocks, TESTS, "from unittest.mock import Mock"),
    (sleeps, TESTS, "await asyncio.sleep(0.1)"),
]


@pytest.mark.parametrize(
    ("check", "paths", "bad"), BAD_EXAMPLES, ids=[f"{row[0].__name__}-{n}" for n, row in enumerate(BAD_EXAMPLES)]
)
def test_habits_are_kept_and_the_check_sees_a_bad_example(check, paths, bad):
    assert list(check(ast.parse(bad)))
    complaints = found_in(paths, check)
    assert not complaints, "\n".join(complaints)


def test_a_sleep_that_paces_a_loop_is_allowed():
    assert list(sleeps(ast.parse("while not done:\n    time.sleep(0.05)"))) == []


def test_modules_are_named_for_what_they_do():
    assert [path.name for path in SOURCES + TESTS if path.stem in VAGUE_MODULES] == []


@pytest.mark.parametrize(("paths", "most"), [(SOURCES, SOURCE_LINES_MAX), (TESTS + SCRIPTS, TEST_LINES_MAX)])
def test_files_are_short(paths: list[Path], most: int):
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in paths}
    too_long = {path: length for path, length in lengths.items() if length > most}
    assert not too_long, too_long


@pytest.mark.parametrize(
    ("pattern", "bad"),
    [
        (UNFINISHED, "# TO" + "DO: later"),
        (UNTESTED, "@pytest.mark.x" + "fail"),
        (UNTESTED, "@pytest.mark.sk" + "ip(reason='later')"),
        (UNTESTED, "assert " + "True"),
        (INDEX_HOSTS, "https://files.python" + "hosted.org/x"),
        (INDEX_HOSTS, "https://py" + "pi.org/simple"),
        (OF_ONE_MACHINE, "path = '/ho" + "me/somebody/limpet'"),
    ],
)
def test_nothing_is_unfinished_untested_or_of_one_machine(pattern: re.Pattern[str], bad: str):
    assert pattern.search(bad)
    found = [(path, match[0]) for path in written() for match in pattern.finditer(path.read_text())]
    assert not found, found


def written() -> list[Path]:
    """Everything that people wrote: the sources, tests and documents, and the files at the root."""
    inside = [
        path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if "__pycache__" not in path.parts
    ]
    beside = [path for path in sorted(ROOT.iterdir()) if path.name not in {"LICENSE", ".git"}]
    return [path for path in inside + beside if path.is_file() and path.suffix in WRITTEN and path != Path(__file__)]

"""What `limpet` says of itself: each command is listed, imported only when it is asked for, and completed by shells."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from limpet.cli import cli
from limpet.commands.lazy import LINE_MAX, LazyGroup
from tests.support.limpet_process import PROGRAM, limpet

HEAVY = {"asyncio", "asyncpg", "aiohttp", "uvicorn", "rich", "cryptography", "psutil", "phonenumbers", "limpet.config"}


def walk(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group below a group, with the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        assert one is not None
        yield (*path, name), one
        if isinstance(one, click.Group):
            yield from walk(one, (*path, name))


EVERY = dict(walk(cli, ()))
LAZY = {(): cli, **{path: one for path, one in EVERY.items() if isinstance(one, LazyGroup)}}


@pytest.mark.parametrize("path", LAZY, ids=" ".join)
def test_a_list_says_of_each_command_what_the_command_says_of_itself(path: tuple[str, ...]) -> None:
    group = LAZY[path]
    assert isinstance(group, LazyGroup)
    context = click.Context(group)
    for entry in group.entries():
        one = group.get_command(context, entry.name)
        assert one is not None
        assert (one.name, one.get_short_help_str(LINE_MAX)) == (entry.name, entry.says)


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_option_and_argument_is_explained(path: tuple[str, ...]) -> None:
    one = EVERY[path]
    assert one.help
    silent = [each.name for each in one.params if isinstance(each, click.Option) and not each.help]
    assert silent == []


def test_the_page_of_a_stranger_lists_everything_without_importing_anything() -> None:
    program = (
        "import sys, contextlib, io\nfrom limpet.cli import cli\n"
        "with contextlib.redirect_stdout(io.StringIO()) as out:\n"
        "    cli.main(['--help'], standalone_mode=False)\n"
        "print(*sys.modules)\nprint(out.getvalue())"
    )
    modules, *page = subprocess.check_output([sys.executable, "-c", program], text=True).splitlines()
    loaded = set(modules.split())
    assert not HEAVY & loaded
    assert not {name for name in loaded if name.startswith("limpet.commands.")} - {"limpet.commands.lazy"}
    for (name, *_), _one in EVERY.items():
        assert any(line.split()[:1] == [name] for line in page), name


@pytest.mark.parametrize(
    "arguments", [("sticky", "list"), ("send",), ("messages", "list"), ("explain",), ("numbers", "buy")], ids=" ".join
)
def test_a_command_of_the_api_starts_without_what_the_server_needs(arguments: tuple[str, ...]) -> None:
    program = (
        "import sys, contextlib, io\nfrom limpet.cli import cli\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    cli.main([*{arguments!r}, '--help'], standalone_mode=False)\n"
        "print(*sys.modules)"
    )
    assert not HEAVY & set(subprocess.check_output([sys.executable, "-c", program], text=True).split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stiky",), "There is no command 'stiky'. Did you mean sticky?"),
        (("sticky", "lst"), "There is no command 'lst'. Did you mean list?"),
        (("zzz",), "There is no command 'zzz'. See `limpet --help`."),
        (("send", "Hello"), "Missing option '--to'"),
        (("dev", "--nonsense"), "No such option"),
    ],
)
def test_what_is_not_understood_is_said_with_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    ended = limpet(*arguments)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith(f"limpet: {said}")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    said = limpet("completion", shell)
    assert (said.returncode, said.stderr) == (0, "")
    assert f"_LIMPET_COMPLETE={shell}_complete" in said.stdout
    assert limpet("completion", PATH="/usr/bin", SHELL=f"/bin/{shell}").stdout == said.stdout


def completed(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    typed = " ".join(("limpet", *words))
    asked = {"_LIMPET_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words))}
    said = subprocess.check_output([PROGRAM], text=True, env={"PATH": str(Path(PROGRAM).parent), **asked})
    return [line.partition(",")[2] for line in said.splitlines()]


def test_commands_and_options_are_completed() -> None:
    assert completed("st") == ["sticky"]
    assert completed("sticky", "res") == ["reset"]
    assert {"import", "export"} <= set(completed("sticky", ""))
    assert completed("numbers", "b") == ["buy"]
    assert "--service" in completed("explain", "--s")

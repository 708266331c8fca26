"""The plugin in a project of somebody else's: found without a word, one server for all tests, failures that can be read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from limpet.testing.server import fingerprint, make_template, running, template_in
from tests.support.limpet_process import PROGRAM, STOP_TIMEOUT_S, data_directory

pytest_plugins = "pytester"

PROJECT = r"""
import re

import pytest

ANNA = "+14155550199"
urls = set()


def sign_up(limpet, body="Your code is 123456"):
    limpet.client.messages.create(to=ANNA, messaging_service_sid=limpet.service_sid, body=body)


def test_a_code_arrives(limpet):
    urls.add(limpet.url)
    sign_up(limpet)
    assert limpet.phone(ANNA).expect(re.compile(r"\d{6}")).codes == ("123456",)


def test_planted_wrong_text(limpet):
    urls.add(limpet.url)
    assert limpet.messages == []
    sign_up(limpet, "Welcome")
    limpet.phone(ANNA).expect("Wellcome", within=0.5)


def test_planted_refusal(limpet):
    limpet.carrier.refuse(ANNA, 30005)
    sign_up(limpet)
    limpet.phone(ANNA).expect(re.compile("code"))


def test_planted_assertion(limpet):
    sign_up(limpet)
    assert [message.body for message in limpet.outbox] == ["Your code is 654321"]


def test_one_server_served_them_all(limpet):
    assert urls == {limpet.url}
    assert limpet.messages == []


def test_nothing_is_started_for_this_one():
    pass
"""


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:asyncio", *options, timeout=120)


def test_a_strangers_project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile(test_sign_up=PROJECT)
    result = run(pytester)
    result.assert_outcomes(passed=3, failed=3)
    said = result.stdout.str()
    assert re.search(r"E +AssertionError: \+14155550199 did not get the text 'Wellcome' within 0\.5 s\.", said)
    assert re.search(r"E +It got:\nE +\+1\d+ → \+14155550199  delivered  'Welcome'", said)
    assert re.search(r"E +AssertionError: \+14155550199 will not get a text with /code/:", said)
    assert "failed 30005 (The recipient's number is unknown)  'Your code is 123456'" in said
    assert said.count("Limpet: messages of this test") == 3
    assert "site-packages/limpet" not in said
    assert "src/limpet/testing" not in said  # a failure shows the test's line, not ours


def test_a_server_that_does_not_start_says_why(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nlimpet_options = --no-such-option")
    pytester.makepyfile("def test_it(limpet):\n    pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*LimpetError: Limpet did not start: *No such option*--no-such-option*"])


def test_the_fixtures_are_shown_with_what_they_are(pytester: pytest.Pytester) -> None:
    said = run(pytester, "--fixtures", "-p", "no:cacheprovider").stdout.str()
    for name in ("limpet", "limpet_proxy", "limpet_server"):
        assert re.search(rf"^{name}( \[session scope\])? -- .*pytest_plugin", said, re.MULTILINE), said


def test_a_further_run_begins_with_a_copy_of_the_first() -> None:
    with data_directory() as place:
        place.mkdir()
        _made_once_and_copied(template_in(place))


def _made_once_and_copied(template: Path) -> None:
    cache = template.parent
    assert template.name == f"template-{fingerprint()}"
    (cache / "template-of-another-version").mkdir()
    make_template(template)
    assert [path.name for path in cache.iterdir()] == [template.name]
    began = template.stat().st_mtime_ns
    make_template(template)
    assert template.stat().st_mtime_ns == began
    accounts = set()
    for _ in range(2):
        with running((), template) as ready:
            accounts.add(ready["account_sid"])
            assert Path(ready["proxy_environment"]["NODE_EXTRA_CA_CERTS"]).exists()
    assert len(accounts) == 1


def test_a_server_ends_with_whoever_started_it() -> None:
    with data_directory() as data:
        command = [PROGRAM, "dev", "--port", "0", "--data", str(data), "--throwaway", "--until-eof", "--ready-json"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline()
        process.stdin.close()
        assert process.wait(STOP_TIMEOUT_S) == 0
        process.stdout.close()

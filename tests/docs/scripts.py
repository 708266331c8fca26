"""What has to be there before a page's commands are run, and which of them a test cannot run, each with why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SENT = 'limpet send --to +14155550199 --wait 20 "Hello" --json'
POOL_FIRST = "limpet numbers show +12025550101 --json"
"""Tells the SID of a number of the pool, which is meant by PN… until another is told."""


@dataclass(frozen=True, slots=True)
class Script:
    """What a page needs. `before`: commands that are run first, each with the variables that its JSON gives to the page."""

    before: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """What a reader has brought, by name."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """How lines begin that are not run, and why."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """How blocks begin that are refused, and what is said."""
    whole: str | None = None
    """Why nothing of the page is run here: another test runs it."""


_STARTS = "starts a server: every test runs beside one"
_INSTALLS = "installs on the machine"
_ONE_SENT: Mapping[str, Mapping[str, str]] = {'limpet send --to +14155550199 --wait 20 "Hello" --json': {}}
_WITH_CALLBACK = (
    'curl -u "$SID:$TOKEN" "$LIMPET/2010-04-01/Accounts/$SID/Messages.json" -d To=+14155550199 -d Body=Hello '
    '-d "MessagingServiceSid=$SERVICE" -d StatusCallback=http://127.0.0.1:9/status'
)
_TEST_CREDENTIALS = 'curl -u "$SID:$TOKEN" "$LIMPET/2010-04-01/Accounts/$SID/TestCredentials.json"'
SCRIPTS: Mapping[str, Script] = {
    "README.md": Script(left_out={"make": "sets up the environment in which the tests run"}),
    "docs/howto/a2p-10dlc.md": Script(left_out={"limpet numbers swap": "tests/commands/test_number_swap.py runs it"}),
    "docs/howto/back-up-and-restore.md": Script(
        left_out={
            "limpet restore monday.limpet --data": "tests/commands/test_backup.py runs it",
            "limpet held list --data": "looks at what that has restored",
            "pg_basebackup": "needs a PostgreSQL of one's own",
        },
        refused={"limpet restore monday.limpet --config": "There is something in this database already"},
    ),
    "docs/howto/deploy.md": Script(whole="it installs on the machine; tests/deploy holds its files to the code"),
    "docs/howto/monitor.md": Script(left_out={"/opt/limpet/bin/pip": _INSTALLS}),
    "docs/howto/carriers.md": Script(left_out={"limpet numbers clear": "no carrier refuses the number of the example"}),
    "docs/howto/configuration-as-a-file.md": Script(
        left_out={"limpet apply tenants.toml --config limpet.toml": "asks at a terminal: tests/commands/test_apply.py"}
    ),
    "docs/howto/deactivations.md": Script(files={"deactivated.txt": "+14155550123\n(415) 555-0124\n"}),
    "docs/howto/limits.md": Script(
        before={_TEST_CREDENTIALS: {"TEST_SID": "test_account_sid", "TEST_TOKEN": "test_auth_token"}},
        refused={'curl -u "$TEST_SID': "21614"},
    ),
    "docs/howto/media.md": Script(
        before={"limpet text --from +14155550199 --to +16175550109 --media https://example.com/cat.png Look": {}}
    ),
    "docs/howto/migrate-from-twilio.md": Script(
        whole="tests/commands/test_sticky_transfer.py walks it with a recorded log"
    ),
    "docs/howto/opt-outs.md": Script(files={"people.csv": "to\n+14155550171\n"}),
    "docs/howto/phones.md": Script(
        before=_ONE_SENT,
        left_out={
            "limpet dev": _STARTS,
            "curl http://127.0.0.1:8080/phones/clock": "moves the clock of all pages: tests/pages runs it",
        },
    ),
    "docs/howto/point-an-sdk-at-limpet.md": Script(before=_ONE_SENT, left_out={"limpet dev": _STARTS}),
    "docs/howto/privacy.md": Script(before=_ONE_SENT),
    "docs/howto/run-in-production.md": Script(
        left_out={"python3 -m venv": _INSTALLS, "/opt/limpet/bin/pip": _INSTALLS, "limpet serve": _STARTS},
        refused={"limpet doctor": "upstream"},
    ),
    "docs/howto/smpp-carriers.md": Script(
        before=_ONE_SENT, left_out={"limpet messages doubt resend": "no message of the page is in doubt"}
    ),
    "docs/howto/test-in-other-languages.md": Script(left_out={"limpet dev": _STARTS}),
    "docs/howto/rebalance.md": Script(
        whole="a rebalance that is run is over before it can be paused; tests/commands/test_sticky_rebalance.py runs the commands"
    ),
    "docs/howto/test-with-pytest.md": Script(whole="tests/testing/test_page.py runs it with the fixtures it tells of"),
    "docs/howto/zero-code-proxy.md": Script(
        files={
            "app.py": "from twilio.rest import Client\nprint(Client().messages.list(limit=1))\n",
        },
        left_out={
            "limpet dev": _STARTS,
            "limpet proxy run node": "tests/wire/test_proxy_clients.py runs it, with node",
        },
    ),
    "docs/tutorial.md": Script(
        left_out={"limpet dev": _STARTS},
        refused={'limpet send --to +14155550199 --wait 20 "One more thing."': "21610"},
    ),
    "docs/status-callbacks.md": Script(before={_WITH_CALLBACK: {}, **_ONE_SENT}),
}

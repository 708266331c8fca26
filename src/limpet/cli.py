"""The command line: which commands there are, and that every failure is one plain sentence on standard error, never a traceback.

A command is imported when it is asked for, so that each starts at once. Exit codes: 0 done, 1 could not be done, 2 not
understood, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import click

from limpet.commands.lazy import Entry, LazyGroup, Section

INTERRUPTED = 130
TRACEBACK_VARIABLE = "LIMPET_TRACEBACK"

SECTIONS = (
    Section("Run it", (
        Entry("dev", ".serving:dev", "Run Limpet for development: everything included, nothing to set up."),
        Entry("serve", ".serving:serve", "Run Limpet on your own PostgreSQL and carriers."),
        Entry("migrate", ".serving:migrate", "Bring the database's schema up to date."),
        Entry("apply", ".apply:apply", "Make accounts, numbers, services and pools as FILE (TOML) says."),
        Entry("doctor", ".doctor:doctor", "Check configuration, database, carriers, certificates and limits."),
        Entry("backup", ".backup:backup", "Write everything that is in the database to FILE, while Limpet runs."),
        Entry("restore", ".restore:restore", "Bring a backup into an empty place, and hold what was on its way."),
        Entry("held", ".held:held", "What a restore holds: messages of which nobody knows whether they left."),
        Entry("completion", ".completion:completion", "Print what makes SHELL complete limpet's commands and options."),
    )),
    Section("Messages", (
        Entry("send", ".send:send", "Send BODY to a person, and show which number it comes from and why."),
        Entry("tail", ".tail:tail", "Show messages as they come, go and change."),
        Entry("messages", ".messages:messages", "Look at messages, and at what their carriers know of them."),
        Entry("webhook", ".webhook:webhook", "See what became of calls to your URLs, and make them once more."),
    )),
    Section("Who hears from which number", (
        Entry("explain", ".explain:explain", "Show which number a message to a person would come from, and why."),
        Entry("sticky", ".sticky:sticky", "See, pin, move or forget the number that a person always hears from."),
        Entry("services", ".services:services", "Services and their pools: see, make, change, pause them."),
        Entry("numbers", ".numbers:numbers", "Numbers: the account's, those in pools, and what carriers refuse."),
    )),
    Section("People", (
        Entry("optouts", ".opt_out:optouts", "See and change who must not be written to by a service."),
        Entry("people", ".people:people", "Give people what is kept of them, and forget them."),
        Entry("deactivations", ".deactivations:deactivations", "Lists of numbers that carriers took out of service."),
    )),
    Section("Carriers and registration", (
        Entry("carriers", ".carriers:carriers", "See how carriers are; pause one, or let one run dry."),
        Entry("campaigns", ".campaigns:campaigns", "A2P 10DLC: brands, campaigns, and which numbers are registered."),
        Entry("registrations", ".registrations:registrations", "See what carriers are asked about registrations, and answer."),
    )),
    Section("Who may use it", (
        Entry("accounts", ".accounts:accounts", "Accounts: who may send, and how much."),
        Entry("keys", ".keys:keys", "API keys: credentials that can be taken away one by one."),
        Entry("operators", ".operators:operators", "Operators: who may sign in to the console at /console."),
        Entry("smpp-credentials", ".smpp_credentials:smpp_credentials", "Let clients that speak SMPP bind to Limpet."),
    )),
    Section("Programs that nobody changed", (
        Entry("proxy", ".proxy:proxy", "Lead a program here by its environment alone, where `limpet dev --proxy` runs."),
    )),
    Section("The simulated carrier of `limpet dev`", (
        Entry("text", ".text:text", "Let a person send BODY to a number, as a phone would."),
        Entry("simulate", ".simulate:simulate", "Let it be slow, throttle, lose, refuse or be gone."),
    )),
)  # fmt: skip


@click.group(cls=LazyGroup, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="limpet", message="limpet %(version)s")
def cli() -> None:
    """A messaging server that always answers a person from the same number, on Twilio's wire.

    \b
    Begin with:  limpet dev                            the whole service on this machine
                 limpet send --to +14155550199 Hello   a message through it
                 limpet explain --to +14155550199      why it comes from that number

    Commands speak to the `limpet dev` that runs in this directory, or to the one that --data or LIMPET_URL names; an operator's
    commands take --config limpet.toml. --json, wherever it is, is for scripts. Exit codes: 0 done, 1 could not be done, 2 not
    understood, 130 interrupted.
    """


def main() -> None:
    """The entry point: every failure a sentence."""
    if os.environ.get(TRACEBACK_VARIABLE):
        sys.exit(cli.main(standalone_mode=False))
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person gets a sentence
        _fail(_sentence(error))


def _sentence(error: Exception) -> str:
    from limpet.config_rules import ConfigError
    from limpet.store.database import DatabaseUnusable

    if isinstance(error, DatabaseUnusable | ConfigError | OSError):
        return " ".join(str(error).split())
    return (
        f"Something went wrong that should not ({type(error).__name__}: {error}); {TRACEBACK_VARIABLE}=1 shows where."
    )


def _fail(sentence: str, code: int = 1) -> None:
    click.echo(f"limpet: {sentence}", err=True)
    sys.exit(code)

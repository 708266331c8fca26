"""`[registration]` over an upstream account in `limpet.toml`: what it needs, and each mistake as one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from limpet.config import Config, ConfigError, load_config

SERVER = '[server]\npublic_url = "https://sms.example.com"\n'
CARRIERS = (
    f'[[carriers]]\nname = "their-twilio"\nkind = "twilio"\naccount_sid = "AC{"1" * 32}"\nauth_token = "t"\n'
    f'[[carriers]]\nname = "their-telnyx"\nkind = "telnyx"\napi_key = "k"\npublic_key = "{"A" * 43}="\n'
)
OURS, THEIRS = "MG" + "1" * 32, "MG" + "2" * 32


def load(folder: Path, section: str) -> Config:
    path = folder / "limpet.toml"
    path.write_text(f"{SERVER}[registration]\n{section}\n{CARRIERS}")
    return load_config(path, {})


@pytest.mark.parametrize(("kind", "campaign"), [("twilio", THEIRS), ("telnyx", "4b300178-131c-d902-d54e-72d90ba1620a")])
def test_campaigns_are_named_for_services(kind: str, campaign: str, tmp_path: Path) -> None:
    section = f'registrar = "{kind}"\ncarrier = "their-{kind}"\ncampaigns = {{ {OURS} = "{campaign}", default = "{campaign}" }}'
    found = load(tmp_path, section).registration
    assert found.campaigns == ((OURS, campaign), ("default", campaign))
    assert (found.registrar, found.carrier, found.settle_s) == (kind, f"their-{kind}", 3600.0)


TWILIO = 'registrar = "twilio"\ncarrier = "their-twilio"\n'
BELONG = 'registration.carrier and campaigns belong to registrar = "twilio" or "telnyx", and are needed there.'


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        (TWILIO, BELONG),
        ('registrar = "twilio"\ncampaigns = { default = "MG1" }', BELONG),
        ('carrier = "their-twilio"', BELONG),
        ('campaigns = { default = "MG1" }', BELONG),
        ('registrar = "twilio"\ncarrier = "nobody"\ncampaigns = { default = "MG1" }',
         'registration.carrier names "nobody", which is not one of the [[carriers]] of kind "twilio".'),
        ('registrar = "twilio"\ncarrier = "their-telnyx"\ncampaigns = { default = "MG1" }',
         'registration.carrier names "their-telnyx", which is not one of the [[carriers]] of kind "twilio".'),
        (TWILIO + 'campaigns = { default = "C1" }', "registration.campaigns must name Messaging Services of Twilio (MG…)."),
        (TWILIO + 'campaigns = { Parcels = "MG1" }', "registration.campaigns must be a table of campaigns by the SIDs"),
        (TWILIO + 'campaigns = { default = "../x" }', "registration.campaigns must be a table of campaigns by the SIDs"),
        ('tmobile = ["1206"]', "registration.tmobile must be a list, each element the beginning of a number"),
        ('url = "https://example.com"\n' + TWILIO, 'registration.url belongs to registrar = "http"'),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_said(section: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, section)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)

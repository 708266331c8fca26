"""`limpet campaigns …`: brands, campaigns and their numbers, through the HTTP API of a running Limpet.

What an operator decides about them is in `limpet registrations`.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from limpet.commands.door import call, door_options, find_door, service_option
from limpet.commands.paging import first, limit_option, quoted, show_list, show_one

COLUMNS = (
    "sid",
    "brand_registration_sid",
    "campaign_id",
    "campaign_status",
    "us_app_to_person_usecase",
    "date_created",
)
BRAND_COLUMNS = ("sid", "status", "brand_type", "brand_score", "mock", "date_created")
NUMBER_COLUMNS = ("phone_number", "state", "usable_in_us", "reason", "date_updated")
_limit = limit_option()


@click.group()
def campaigns() -> None:
    """A2P 10DLC: brands, campaigns, and which numbers are registered."""


@campaigns.command("list")
@service_option
@_limit
@door_options
def show_all(service: str, limit: int, data: Path | None, as_json: bool) -> None:
    """List the campaign of a service."""
    path = f"/v1/Services/{quoted(service)}/Compliance/Usa2p"
    found = first(find_door(data, os.environ), path, {}, limit, missing=f"The account has no service {service}.")
    show_list(found, COLUMNS, as_json, f"{service} has no campaign.")


@campaigns.command()
@click.argument("sid")
@service_option
@door_options
def show(sid: str, service: str, data: Path | None, as_json: bool) -> None:
    """Show all about a campaign (QE…) of a service."""
    path = f"/v1/Services/{quoted(service)}/Compliance/Usa2p/{quoted(sid)}"
    show_one(call(find_door(data, os.environ), "GET", path), as_json, f"{service} has no campaign {sid}.")


@campaigns.command()
@_limit
@door_options
def brands(limit: int, data: Path | None, as_json: bool) -> None:
    """List the account's brands, newest first."""
    found = first(
        find_door(data, os.environ), "/v1/a2p/BrandRegistrations", {}, limit, missing="There is no such list."
    )
    show_list(found, BRAND_COLUMNS, as_json, "The account has no brand.")


@campaigns.command()
@service_option
@_limit
@door_options
def numbers(service: str, limit: int, data: Path | None, as_json: bool) -> None:
    """List the numbers of a service with the state of their registration, and why."""
    door = find_door(data, os.environ)
    place = f"/v1/Services/{quoted(service)}/PhoneNumbers"
    pool = first(door, place, {}, limit, missing=f"The account has no service {service}.")
    asked = [call(door, "GET", f"{place}/{quoted(one['sid'])}/Registration") for one in pool]
    found = [one for one in asked if one is not None]  # a number may have left meanwhile
    show_list(found, NUMBER_COLUMNS, as_json, f"The pool of {service} has no number.")

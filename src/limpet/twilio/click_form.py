"""A click on a short link as its customer is told: a form of Twilio's names, signed and posted as a status callback is.

Source: twilio.com/docs/messaging/features/link-shortening (click events) and the event type `link-clicked`. It knows no queue.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from limpet.twilio.dates import iso8601

USER_AGENT_LENGTH_MAX: Final = 512


def click_form(
    *, message_sid: str, account_sid: str, messaging_service_sid: str | None, to: str, from_: str | None, link: str,
    shortened_link: str, link_create_time: datetime, click_time: datetime, user_agent: str,
) -> str:  # fmt: skip
    """The form of one click; of the user agent at most USER_AGENT_LENGTH_MAX characters."""
    return urlencode(
        {
            "event_type": "click",
            "sms_sid": message_sid,
            "account_sid": account_sid,
            "messaging_service_sid": messaging_service_sid or "",
            "to": to,
            "from": from_ or "",
            "link": link,
            "shortened_link": shortened_link,
            "link_create_time": iso8601(link_create_time),
            "click_time": iso8601(click_time),
            "user_agent": user_agent[:USER_AGENT_LENGTH_MAX],
        }
    )

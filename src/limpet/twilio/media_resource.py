"""A message's medium as JSON. Source: twilio.com/docs/messaging/api/media-resource."""

from __future__ import annotations

from datetime import datetime

from limpet.twilio.dates import rfc2822

Json = dict[str, object]


def media_resource(sid: str, message_sid: str, account_sid: str, content_type: str, created_at: datetime) -> Json:
    """A Media (7 fields)."""
    return {
        "account_sid": account_sid,
        "content_type": content_type,
        "date_created": rfc2822(created_at),
        "date_updated": rfc2822(created_at),
        "parent_sid": message_sid,
        "sid": sid,
        "uri": f"/2010-04-01/Accounts/{account_sid}/Messages/{message_sid}/Media/{sid}.json",
    }

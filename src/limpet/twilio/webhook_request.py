"""One call to a customer's URL as it goes over the wire: a form by POST, the same in a query by GET, or JSON by POST.

Source: Twilio, Webhooks security. A form is part of what is signed; of JSON the URL carries a hash, and the URL alone is signed.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

FORM_TYPE: Final = "application/x-www-form-urlencoded; charset=utf-8"
JSON_TYPE: Final = "application/json"
BODY_HASH: Final = "bodySHA256"


class WebhookRequest(NamedTuple):
    """`body` None is a GET. `signed_form` is what is signed behind the URL."""

    url: str
    body: str | None
    content_type: str | None
    signed_form: str


def form_request(url: str, form: str, *, post: bool) -> WebhookRequest:
    """A form, to a URL without its fragment."""
    if post:
        return WebhookRequest(url, form, FORM_TYPE, form)
    return WebhookRequest(_with_query(url, form), None, None, "")


def json_request(url: str, body: str) -> WebhookRequest:
    """JSON, to a URL without its fragment: the hash of the body's octets joins its query."""
    return WebhookRequest(_with_query(url, f"{BODY_HASH}={sha256(body.encode()).hexdigest()}"), body, JSON_TYPE, "")


def _with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"

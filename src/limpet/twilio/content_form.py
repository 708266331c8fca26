"""Content templates on the wire: the JSON that makes one, the resource, and the variables of a message.

Source: twilio.com/docs/content/content-api-resources. Of Twilio's types Limpet has `twilio/text` and `twilio/media`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from limpet.core.content import BODY_LENGTH_MAX, VARIABLES_MAX, Content, is_well_formed
from limpet.core.errors import ApiError
from limpet.twilio.dates import iso8601
from limpet.twilio.forms import FRIENDLY_NAME_LENGTH_MAX, TEXT_LENGTH_MAX, Form, filled, invalid, is_web_url, missing

Json = dict[str, object]

LANGUAGE_LENGTH_MAX: Final = 35
MEDIA_MAX: Final = 10
TEXT, MEDIA = "twilio/text", "twilio/media"


@dataclass(frozen=True, slots=True)
class NewContent:
    """A template that is to be made."""

    friendly_name: str
    language: str
    variables: Mapping[str, str]
    types: Mapping[str, Mapping[str, object]]


def parse_content(body: object) -> NewContent:
    """Read `POST /v1/Content`; 20001 for what cannot be, 21656 for a place that is no place."""
    if not isinstance(body, dict):
        raise invalid("body", "not a JSON object")
    name, language = body.get("friendly_name") or "", body.get("language")
    if not isinstance(name, str) or len(name) > FRIENDLY_NAME_LENGTH_MAX:
        raise invalid("friendly_name", f"not a text of at most {FRIENDLY_NAME_LENGTH_MAX} characters")
    if not isinstance(language, str) or not 0 < len(language) <= LANGUAGE_LENGTH_MAX:
        raise missing("language") if language is None else invalid("language", "not a language code")
    variables = _variables({} if body.get("variables") is None else body["variables"], "variables")
    return NewContent(name, language, variables, _types(body.get("types")))


def parse_content_variables(form: Form) -> Mapping[str, str]:
    """Read a message's `ContentVariables`: a JSON object of texts. 21654 without `ContentSid`, 21656 when it is none."""
    value = filled(form, "ContentVariables")
    if value is None:
        return {}
    if filled(form, "ContentSid") is None:
        raise ApiError(21654)
    try:
        return _variables(json.loads(value), "ContentVariables")
    except (ValueError, RecursionError, ApiError):
        raise ApiError(21656) from None


def content_resource(content: Content, account_sid: str, root: str) -> Json:
    """A Content (10 fields)."""
    url = f"{root}/Content/{content.sid}"
    return {
        "account_sid": account_sid,
        "date_created": iso8601(content.created_at),
        "date_updated": iso8601(content.updated_at),
        "friendly_name": content.friendly_name,
        "language": content.language,
        "links": {"approval_create": f"{url}/ApprovalRequests/whatsapp", "approval_fetch": f"{url}/ApprovalRequests"},
        "sid": content.sid,
        "types": dict(content.types),
        "url": url,
        "variables": dict(content.variables),
    }


def _variables(given: object, name: str) -> Mapping[str, str]:
    if not isinstance(given, dict) or len(given) > VARIABLES_MAX:
        raise invalid(name, f"not a JSON object of at most {VARIABLES_MAX} texts")
    if not all(
        isinstance(value, str) and len(value) <= TEXT_LENGTH_MAX and "\0" not in value for value in given.values()
    ):
        raise invalid(name, f"not a JSON object of texts of at most {TEXT_LENGTH_MAX} characters")
    return {str(key): value for key, value in given.items()}


def _types(given: object) -> Mapping[str, Mapping[str, object]]:
    if not isinstance(given, dict) or not given:
        raise missing("types")
    if other := sorted(str(kind) for kind in given if kind not in (TEXT, MEDIA)):
        raise invalid("types", f"{other[0][:40]} is not offered here; {TEXT} and {MEDIA} are")
    return {kind: _type(kind, one) for kind, one in given.items()}


def _type(kind: str, given: object) -> Mapping[str, object]:
    if not isinstance(given, dict):
        raise invalid("types", f"{kind} is not a JSON object")
    body, media = given.get("body") or "", given.get("media") or []
    if not isinstance(body, str) or len(body) > BODY_LENGTH_MAX or "\0" in body or not (body or kind == MEDIA):
        raise invalid("types", f"{kind} needs a body of at most {BODY_LENGTH_MAX} characters")
    if not is_well_formed(body):
        raise ApiError(21656)
    if kind == TEXT:
        return {"body": body}
    if not isinstance(media, list) or not 0 < len(media) <= MEDIA_MAX:
        raise invalid("types", f"{kind} needs 1 to {MEDIA_MAX} media")
    if not all(isinstance(url, str) and is_web_url(url) for url in media):
        raise invalid("types", f"the media of {kind} are not URLs")
    return {"body": body or None, "media": media}

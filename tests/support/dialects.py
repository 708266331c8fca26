"""The other side of each upstream: how it reads a submission, answers it, and brings receipts and texts, signed as its own."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from limpet.carrier.http_values import Notice, basic
from limpet.config_http import HttpCarrierConfig, read_http_carrier

URL = "https://limpet.example/carriers/up/notices"
NOW = 1_790_000_000
TELNYX_KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


@dataclass(frozen=True)
class Arrived:
    """A submission as the upstream sees it."""

    number: str
    person: str
    text: str
    media: tuple[str, ...]
    reference: str
    notices_url: str
    headers: Mapping[str, str]


class Dialect:
    """One kind of upstream. `settings` are those of its `[[carriers]]`."""

    kind = ""
    settings: ClassVar[Mapping[str, Any]] = {}
    refusal: tuple[int, Any] = (400, {})
    code = 0
    """Twilio's code for `refusal`."""

    def config(self, base_url: str, **changes: Any) -> HttpCarrierConfig:
        table = {"name": "up", "kind": self.kind, "base_url": base_url, **self.settings, **changes}
        return read_http_carrier(table, "carriers[0]", Path(), {})

    def arrived(self, headers: Mapping[str, str], body: bytes) -> Arrived:
        raise NotImplementedError

    def taken(self, message_id: str) -> tuple[int, Any]:
        raise NotImplementedError

    def receipt(self, arrived: Arrived, message_id: str, *, delivered: bool = True) -> Notice:
        raise NotImplementedError

    def inbound(self, person: str, number: str, text: str, message_id: str, media: tuple[str, ...] = ()) -> Notice:
        raise NotImplementedError

    inbound_type = ""
    """The content type that it gives for an inbound picture."""


class Twilio(Dialect):
    kind = "twilio"
    settings: ClassVar[Mapping[str, Any]] = {"account_sid": "AC" + "1" * 32, "auth_token": "up-token"}
    refusal, code = (400, {"code": 21610, "message": "unsubscribed", "status": 400}), 21610
    inbound_type = "image/png"

    def arrived(self, headers: Mapping[str, str], body: bytes) -> Arrived:
        assert headers["authorization"] == basic("AC" + "1" * 32, "up-token")
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
        form = dict(pairs)
        callback = form["StatusCallback"]
        media = tuple(value for name, value in pairs if name == "MediaUrl")
        return Arrived(form["From"], form["To"], form["Body"], media, callback.rpartition("=")[2], callback, headers)

    def taken(self, message_id: str) -> tuple[int, Any]:
        return 201, {"sid": message_id, "status": "queued", "error_code": None}

    def receipt(self, arrived: Arrived, message_id: str, *, delivered: bool = True) -> Notice:
        word = "delivered" if delivered else "undelivered"
        form = {"MessageSid": message_id, "MessageStatus": word, "From": arrived.number, "To": arrived.person}
        form |= {"RawDlrDoneDate": "2611230701"} | ({} if delivered else {"ErrorCode": "30005"})
        return self._signed(arrived.notices_url, form)

    def inbound(self, person: str, number: str, text: str, message_id: str, media: tuple[str, ...] = ()) -> Notice:
        form = {"MessageSid": message_id, "SmsStatus": "received", "From": person, "To": number, "Body": text}
        form |= {"NumMedia": str(len(media))} | {f"MediaUrl{n}": url for n, url in enumerate(media)}
        form |= {f"MediaContentType{n}": "image/png" for n in range(len(media))}
        return self._signed(URL, form)

    def _signed(self, url: str, form: Mapping[str, str]) -> Notice:
        over = url + "".join(name + value for name, value in sorted(form.items()))
        proof = b64encode(hmac.digest(b"up-token", over.encode(), "sha1")).decode()
        return Notice("POST", url, {"x-twilio-signature": proof}, urlencode(form).encode())


class Telnyx(Dialect):
    kind = "telnyx"
    settings: ClassVar[Mapping[str, Any]] = {
        "api_key": "KEY1",
        "public_key": b64encode(TELNYX_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode(),
    }
    refusal, code = (422, {"errors": [{"code": "40300", "title": "Blocked due to STOP message"}]}), 21610
    inbound_type = "image/png"

    def arrived(self, headers: Mapping[str, str], body: bytes) -> Arrived:
        assert headers["authorization"] == "Bearer KEY1"
        value, callback = json.loads(body), json.loads(body)["webhook_url"]
        media = tuple(value.get("media_urls", ()))
        assert value.get("type", "SMS") == ("MMS" if media else "SMS")
        reference = callback.rpartition("=")[2]
        return Arrived(value["from"], value["to"], value["text"], media, reference, callback, headers)

    def taken(self, message_id: str) -> tuple[int, Any]:
        return 200, {"data": {"id": message_id, "to": [{"status": "queued"}]}}

    def receipt(self, arrived: Arrived, message_id: str, *, delivered: bool = True) -> Notice:
        to = {"phone_number": arrived.person, "status": "delivered" if delivered else "delivery_failed"}
        payload = {"id": message_id, "from": {"phone_number": arrived.number}, "to": [to], "errors": []}
        payload |= {"completed_at": "2026-11-23T07:01:00.000+00:00"}
        if not delivered:
            payload["errors"] = [{"code": "40012", "title": "Invalid destination number"}]
        return self._signed(arrived.notices_url, "message.finalized", payload)

    def inbound(self, person: str, number: str, text: str, message_id: str, media: tuple[str, ...] = ()) -> Notice:
        payload = {
            "id": message_id,
            "from": {"phone_number": person},
            "to": [{"phone_number": number, "status": "webhook_delivered"}],
            "text": text,
            "media": [{"url": url, "content_type": "image/png", "sha256": None} for url in media],
        }
        return self._signed(URL, "message.received", payload)

    def _signed(self, url: str, kind: str, payload: object, at: int = NOW) -> Notice:
        body = json.dumps({"data": {"event_type": kind, "payload": payload}}).encode()
        proof = b64encode(TELNYX_KEY.sign(f"{at}|".encode() + body)).decode()
        return Notice("POST", url, {"telnyx-signature-ed25519": proof, "telnyx-timestamp": str(at)}, body)


class Bandwidth(Dialect):
    kind = "bandwidth"
    settings: ClassVar[Mapping[str, Any]] = {
        "account_id": "9500", "application_id": "app-1", "username": "user", "password": "pass",
        "notice_username": "from-them", "notice_password": "theirs",
    }  # fmt: skip
    refusal, code = (400, {"type": "request-validation", "description": "'to' is invalid"}), 30008

    def arrived(self, headers: Mapping[str, str], body: bytes) -> Arrived:
        assert headers["authorization"] == basic("user", "pass")
        value = json.loads(body)
        assert value["applicationId"] == "app-1"
        media = tuple(value.get("media", ()))
        return Arrived(value["from"], value["to"][0], value["text"], media, value["tag"], URL, headers)

    def taken(self, message_id: str) -> tuple[int, Any]:
        return 202, {"id": message_id, "direction": "out", "segmentCount": 1}

    def receipt(self, arrived: Arrived, message_id: str, *, delivered: bool = True) -> Notice:
        message = {"id": message_id, "from": arrived.number, "to": [arrived.person], "direction": "out"}
        message |= {"owner": arrived.number, "tag": arrived.reference, "time": "2026-11-23T07:00:00Z"}
        kind = "message-delivered" if delivered else "message-failed"
        event = {"type": kind, "time": "2026-11-23T07:01:00Z", "to": arrived.person, "message": message}
        return self._notice([event | ({} if delivered else {"errorCode": 4720})])

    def inbound(self, person: str, number: str, text: str, message_id: str, media: tuple[str, ...] = ()) -> Notice:
        message = {
            "id": message_id,
            "from": person,
            "to": [number],
            "owner": number,
            "text": text,
            "media": list(media),
        }
        return self._notice([{"type": "message-received", "to": number, "message": message}])

    def _notice(self, events: object) -> Notice:
        return Notice("POST", URL, {"authorization": basic("from-them", "theirs")}, json.dumps(events).encode())


class Plivo(Dialect):
    kind = "plivo"
    settings: ClassVar[Mapping[str, Any]] = {"auth_id": "MAID", "auth_token": "up-token"}
    refusal, code = (400, {"api_id": "1", "error": "dst is not valid"}), 30008

    def arrived(self, headers: Mapping[str, str], body: bytes) -> Arrived:
        assert headers["authorization"] == basic("MAID", "up-token")
        value = json.loads(body)
        media = tuple(value.get("media_urls", ()))
        assert (value["type"], value["method"]) == ("mms" if media else "sms", "POST")
        number, person, callback = f"+{value['src']}", f"+{value['dst']}", value["url"]
        return Arrived(number, person, value["text"], media, callback.rpartition("=")[2], callback, headers)

    def taken(self, message_id: str) -> tuple[int, Any]:
        return 202, {"message": "message(s) queued", "message_uuid": [message_id], "api_id": "1"}

    def receipt(self, arrived: Arrived, message_id: str, *, delivered: bool = True) -> Notice:
        form = {"MessageUUID": message_id, "ParentMessageUUID": message_id, "PartInfo": "1 of 1"}
        form |= {"From": arrived.number[1:], "To": arrived.person[1:]}
        form |= {"Status": "delivered"} if delivered else {"Status": "undelivered", "ErrorCode": "50"}
        return self._signed(arrived.notices_url, form)

    def inbound(self, person: str, number: str, text: str, message_id: str, media: tuple[str, ...] = ()) -> Notice:
        form = {"MessageUUID": message_id, "From": person[1:], "To": number[1:], "Type": "mms" if media else "sms"}
        form |= {"Body" if media else "Text": text} | {f"Media{n}": url for n, url in enumerate(media)}
        return self._signed(URL, form)

    def _signed(self, url: str, form: Mapping[str, str]) -> Notice:
        asked = f"{url}." if "?" in url else f"{url}?"
        over = asked + "".join(name + value for name, value in sorted(form.items())) + ".12345"
        proof = b64encode(hmac.digest(b"up-token", over.encode(), "sha256")).decode()
        headers = {"x-plivo-signature-v3": f"another,{proof}", "x-plivo-signature-v3-nonce": "12345"}
        return Notice("POST", url, headers, urlencode(form).encode())


class Vonage(Dialect):
    kind = "vonage"
    settings: ClassVar[Mapping[str, Any]] = {
        "api_key": "abcd",
        "api_secret": "hush",
        "signature_secret": "signed-with-this",
    }
    refusal = (
        422,
        {"type": "https://developer.vonage.com/api-errors/messages#1120", "title": "Illegal Sender Address"},
    )
    code = 21606

    def arrived(self, headers: Mapping[str, str], body: bytes) -> Arrived:
        assert headers["authorization"] == basic("abcd", "hush")
        value = json.loads(body)
        kind = value["message_type"]
        parts = value["content"] if kind == "content" else [value[kind]] if kind != "text" else []
        text = value["text"] if kind == "text" else parts[0].get("caption", "")
        assert value["channel"] == ("sms" if kind == "text" else "mms")
        number, person = f"+{value['from']}", f"+{value['to']}"
        media = tuple(part["url"] for part in parts)
        return Arrived(number, person, text, media, value["client_ref"], value["webhook_url"], headers)

    def taken(self, message_id: str) -> tuple[int, Any]:
        return 202, {"message_uuid": message_id}

    def receipt(self, arrived: Arrived, message_id: str, *, delivered: bool = True) -> Notice:
        value: dict[str, Any] = {"message_uuid": message_id, "from": arrived.number[1:], "to": arrived.person[1:]}
        value |= {"client_ref": arrived.reference, "timestamp": "2026-11-23T07:01:00.000Z", "channel": "sms"}
        value |= {"status": "delivered" if delivered else "rejected"}
        if not delivered:
            value["error"] = {"type": "https://developer.vonage.com/api-errors/messages#1170", "title": "1170"}
        return self._signed(arrived.notices_url, value)

    def inbound(self, person: str, number: str, text: str, message_id: str, media: tuple[str, ...] = ()) -> Notice:
        value: dict[str, Any] = {"message_uuid": message_id, "from": person[1:], "to": number[1:]}
        if len(media) == 1:
            value |= {"channel": "mms", "message_type": "image", "image": {"url": media[0], "caption": text}}
        elif media:
            content = [{"type": "text", "text": text}, *({"type": "image", "url": url} for url in media)]
            value |= {"channel": "mms", "message_type": "content", "content": content}
        else:
            value |= {"channel": "sms", "message_type": "text", "text": text}
        return self._signed(URL, value)

    def _signed(self, url: str, value: object, at: int = NOW) -> Notice:
        body = json.dumps(value).encode()
        claims = {"iat": at, "jti": "1", "iss": "Vonage", "payload_hash": sha256(body).hexdigest(), "api_key": "abcd"}
        parts = [_part({"typ": "JWT", "alg": "HS256"}), _part(claims)]
        proof = hmac.digest(b"signed-with-this", ".".join(parts).encode(), "sha256")
        token = ".".join([*parts, urlsafe_b64encode(proof).decode().rstrip("=")])
        return Notice("POST", url, {"authorization": f"Bearer {token}"}, body)


def _part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class Generic(Dialect):
    kind = "http"
    settings: ClassVar[Mapping[str, Any]] = {
        "mms": True, "secret": "hush", "notice_secret": "theirs",
        "reply": {"id": "message.id", "error": "error.code", "codes": {"gone": 30005}},
        "receipt": {
            "when": {"type": "status"}, "id": "id", "number": "from", "person": "to", "state": "state",
            "states": {"ok": "delivered", "bad": "undelivered"}, "error": "why", "codes": {"gone": 30005},
            "reference": "ref", "done_at": "at",
        },
        "inbound": {
            "when": {"type": "text"}, "id": "id", "number": "to", "person": "from", "text": "text", "media": "pictures",
            "media_url": "at", "media_type": "kind",
        },
        "verify": {"header": "X-Signature", "prefix": "sha256="},
    }  # fmt: skip
    refusal, code = (409, {"error": {"code": "gone"}}), 30005
    inbound_type = "image/png"

    def config(self, base_url: str, **changes: Any) -> HttpCarrierConfig:
        body = {"from": "{number}", "to": "{person}", "text": "{text}", "media": "{media}", "ref": "{reference}"}
        request = {
            "url": f"{base_url}/send?key={{message}}",
            "headers": {"Authorization": "Bearer {secret}"},
            "json": {"message": body, "callback": "{notices_url}", "urgent": True},
        }
        table = {"name": "up", "kind": "http", "request": request, **self.settings, **changes}
        return read_http_carrier(table, "carriers[0]", Path(), {})

    def arrived(self, headers: Mapping[str, str], body: bytes) -> Arrived:
        assert headers["authorization"] == "Bearer hush"
        value = json.loads(body)
        assert value["urgent"] is True
        sent = value["message"]
        media = tuple(sent.get("media", ()))
        return Arrived(sent["from"], sent["to"], sent["text"], media, sent["ref"], value["callback"], headers)

    def taken(self, message_id: str) -> tuple[int, Any]:
        return 200, {"message": {"id": message_id}}

    def receipt(self, arrived: Arrived, message_id: str, *, delivered: bool = True) -> Notice:
        value = {
            "type": "status",
            "id": message_id,
            "from": arrived.number,
            "to": arrived.person,
            "ref": arrived.reference,
        }
        value |= {"state": "ok" if delivered else "bad", "why": "gone", "at": "2026-11-23T07:01:00+00:00"}
        return self._signed(value)

    def inbound(self, person: str, number: str, text: str, message_id: str, media: tuple[str, ...] = ()) -> Notice:
        pictures = [{"at": url, "kind": "image/png"} for url in media]
        value = {"type": "text", "id": message_id, "from": person, "to": number, "text": text, "pictures": pictures}
        return self._signed(value)

    def _signed(self, value: object) -> Notice:
        body = json.dumps(value).encode()
        proof = "sha256=" + hmac.digest(b"theirs", body, "sha256").hex()
        return Notice("POST", URL, {"x-signature": proof}, body)


DIALECTS: Mapping[str, Dialect] = {
    one.kind: one for one in (Twilio(), Telnyx(), Bandwidth(), Plivo(), Vonage(), Generic())
}

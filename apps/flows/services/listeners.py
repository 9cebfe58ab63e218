"""Records that are sent to an export: by a provider to a listener, or uploaded ahead of a run by a caller with a key.

Checked, stored with the work of every flow that starts with them, committed; only then answered.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from apps.connections.secrets import unseal
from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.core.errors import DomainError, NotFoundError, ValidationError
from apps.core.ids import hex24, parse_id
from apps.engine.paths import MISSING, PathError, compile_getter
from apps.engine.records import split_children
from apps.engine.templates import TemplateError, compile
from apps.executions.payloads import pack
from apps.executions.services import start_executions
from apps.flows.models import Export, Flow, Upload
from apps.flows.services.presets import whole
from apps.flows.services.runs import run_input
from apps.inbound.verification import Incoming
from apps.integrations.models import Reference

MEDIA_TYPES = {"json": "application/json", "xml": "application/xml", "plaintext": "text/plain"}
DIGESTS = ("sha1", "sha256", "sha384", "sha512")
MAX_RUN_KEY = 255
SIGNED_WITHIN = 300.0  # seconds, of signatures that tell their time


class NotVerifiedError(DomainError):
    status = 401
    code = "unauthorized"


def find_listener(text: str) -> Export:
    """An export that records can be sent to, whoever's it is: its own checks are the door."""
    row_id = parse_id(text)
    rows = Export.objects.filter(type__in=("webhook", "simple"))
    row: Export | None = rows.filter(pk=row_id).first() if row_id else None
    if row is None:
        raise NotFoundError(f"Export {text} was not found.")
    return row


def verify(export: Export, incoming: Incoming, *, token: str) -> None:
    """Raises NotVerifiedError. A listener that says no way to verify its caller admits nobody."""
    rules = rules_of(export)
    match rules.get("verify"):
        case "token":
            require_one_of(token_of(rules, incoming), rules.get("token"), "token")
        case "secret_url":
            require_one_of(token, rules.get("token"), "token in the address")
        case "basic":
            pair = f"{rules.get('username') or ''}:{rules.get('password') or ''}"
            given = incoming.headers.get("authorization", "")
            require_one_of(given.removeprefix("Basic ").strip(), base64.b64encode(pair.encode()).decode(), "login")
        case "hmac":
            verify_hmac(rules, incoming)
        case _:
            raise NotVerifiedError("This listener does not say how its callers prove themselves: webhook.verify.")


def rules_of(export: Export) -> dict[str, Any]:
    """A listener's rules, its secrets in place."""
    document = unseal(export.document, bytes(export.secret), type="webhook", connection_id=export.id)
    return whole(document.get("webhook") or {})


def token_of(rules: Mapping[str, Any], incoming: Incoming) -> str:
    location = rules.get("tokenLocation")
    if location is None:
        location = "body" if rules.get("path") and not rules.get("header") else "header"
    if location == "queryParam":
        return incoming.query.get(rules.get("tokenQueryParamName") or "token", "")
    if location == "body":
        try:
            found = compile_getter(rules.get("path") or "token")(incoming.content)
        except PathError:
            return ""
        return found if isinstance(found, str) else ""
    name = rules.get("tokenHeaderName") or rules.get("header") or "Authorization"
    given = incoming.headers.get(name.lower(), "")
    schemes = {"bearer": "Bearer", "custom": rules.get("customTokenScheme") or "", "none": ""}
    default = "bearer" if name.lower() == "authorization" else "none"
    scheme = schemes[rules.get("tokenHeaderScheme") or default]
    if not scheme:
        return given
    start, _, rest = given.partition(" ")
    return rest.strip() if start.lower() == scheme.lower() else ""


def verify_hmac(rules: Mapping[str, Any], incoming: Incoming) -> None:
    algorithm, key = rules.get("algorithm") or "sha256", rules.get("key") or ""
    if not key or not rules.get("header"):
        raise NotVerifiedError("This listener has no key, or names no header, to verify a signature by.")
    signed, given = signed_parts(rules, incoming)
    digest = hmac.new(key.encode(), signed, getattr(hashlib, algorithm)).digest()
    as_hex = rules.get("encoding") != "base64"
    wanted = digest.hex() if as_hex else base64.b64encode(digest).decode()
    given = given.removeprefix(rules.get("prefix") or f"{algorithm}=")
    require_one_of(given.lower() if as_hex else given, wanted, "signature")


def signed_parts(rules: Mapping[str, Any], incoming: Incoming) -> tuple[bytes, str]:
    """(what was signed, the signature): the body alone, or with the time that a provider signs along."""
    given = incoming.headers.get(rules["header"].lower(), "").strip()
    signed = rules.get("signed")
    if not signed:
        return incoming.body, given
    time_header = rules.get("timestamp") or ""
    stamp = incoming.headers.get(time_header.lower(), "") if time_header else ""
    if rules.get("fields"):
        at, mark = rules["fields"]
        members = dict(part.strip().partition("=")[::2] for part in given.split(","))
        stamp, given = members.get(at, ""), members.get(mark, "")
    if not stamp.isascii() or not stamp.isdigit() or abs(now().timestamp() - int(stamp[:12])) > SIGNED_WITHIN:
        raise NotVerifiedError("The time of this call's signature is missing, or too long ago.")
    before, _, after = signed.replace("{timestamp}", stamp).partition("{body}")
    return before.encode() + incoming.body + after.encode(), given


def require_one_of(given: str, wanted: Any, what: str) -> None:
    """Compared in constant time; an empty secret matches nothing."""
    if not wanted or not given or not hmac.compare_digest(given.encode(), str(wanted).encode()):
        raise NotVerifiedError(f"The {what} of this call is missing or wrong.")


def split_payload(document: Mapping[str, Any], payload: Any) -> list[Any]:
    """The records of a payload: those at `pathToRecords`, else the list it is, else the one it is."""
    rules = document.get("webhook") or {}
    path = rules.get("pathToRecords")
    if path:
        found = compile_getter(path)(payload)
        if found is MISSING or found is None:
            return []
        if rules.get("includeParentData"):
            return split_children(payload, path)
        return found if isinstance(found, list) else [found]
    return payload if isinstance(payload, list) else [payload]


def receive_records(export: Export, payload: Any) -> list[str]:
    """Starts every enabled flow that begins with this export; all of them commit, or none. The runs' ids."""
    records = split_payload(export.document, payload)
    if not records:
        return []
    with transaction.atomic():
        flows = list(flows_of(export))
        if not flows:
            raise ValidationError(f"No enabled flow starts with export {export.name!r}.", code="no_flow")
        options = {"exportIds": [hex24(export.id)], "records": {hex24(export.id): records}}
        wanted = [run_input(flow=flow, triggered_by="listener", options=options) for flow in flows]
        return [hex24(execution.id) for new in wanted for execution in start_executions([new])]


def flows_of(export: Export) -> Iterator[Flow]:
    named = Reference.objects.filter(source_kind="flow", target_kind="export", target_id=export.id)
    rows = Flow.objects.filter(organization_id=export.organization_id, pk__in=named.values("source_id"), disabled=False)
    for flow in rows.order_by("pk"):
        generators = [*(flow.document.get("pageGenerators") or []), {"_exportId": flow.document.get("_exportId")}]
        if export.id in {parse_id(generator.get("_exportId")) for generator in generators}:
            yield flow


def keep_upload(*, actor: Actor, export: Export, payload: Any, run_key: str) -> None:
    """Under a key that runs name; the same key again replaces what stood there."""
    actor.require(Verb.RUN, integration_id=export.integration_id)
    if not 0 < len(run_key) <= MAX_RUN_KEY:
        raise ValidationError(f"runKey must have 1 to {MAX_RUN_KEY} characters.", field="runKey")
    Upload.objects.update_or_create(
        export=export, run_key=run_key,
        defaults={"data": pack(split_payload(export.document, payload)), "organization_id": export.organization_id},
    )  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What a caller is answered."""

    status: int
    body: str
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


def challenge_of(export: Export, incoming: Incoming, *, token: str) -> Said | None:
    """The answer to a provider that asks whether this address is ours; None for a call that is no such question.

    A GET is one; a POST is where it proves itself and says so (`type` url_verification). Raises NotVerifiedError.
    """
    rules = rules_of(export)
    text = rules.get("challengeSuccessBody")
    asked = incoming.method in ("GET", "HEAD")
    content = incoming.content if isinstance(incoming.content, dict) else {}
    if not asked and content.get("type") != "url_verification":
        return None
    if not text:
        if asked:
            raise NotFoundError("This listener answers no challenges: it has no webhook.challengeSuccessBody.")
        return None
    if not asked:
        verify(export, incoming, token=token)
    elif rules.get("verify") == "secret_url":
        require_one_of(token, rules.get("token"), "token in the address")
    elif "hub.verify_token" in incoming.query:
        require_one_of(incoming.query["hub.verify_token"], rules.get("token"), "hub.verify_token")
    scope = nested(incoming.query) if asked else content
    media = MEDIA_TYPES.get(rules.get("challengeSuccessMediaType") or "", "text/plain")
    headers = rendered_headers(rules.get("challengeResponseHeaders"), scope)
    return Said(int(rules.get("challengeSuccessStatusCode") or 200), rendered(text, scope), media, headers)


def nested(query: Mapping[str, str]) -> dict[str, Any]:
    """`hub.challenge` of a query stands where {{hub.challenge}} looks for it."""
    found: dict[str, Any] = {}
    for name, value in query.items():
        *above, last = name.split(".")
        place = found
        for step in above:
            inner = place.setdefault(step, {})
            place = inner if isinstance(inner, dict) else {}
        place[last] = value
    return found


def rendered(text: str, scope: Mapping[str, Any]) -> str:
    try:
        return str(compile(text, "handlebars").render(scope))
    except TemplateError:
        return ""


def rendered_headers(headers: Any, scope: Mapping[str, Any]) -> dict[str, str]:
    found = {str(one.get("name")): rendered(str(one.get("value") or ""), scope) for one in headers or []}
    return {name: value for name, value in found.items() if not any(mark in name + value for mark in "\r\n")}


def answer_of(export: Export, payload: Any) -> Said:
    """204 without a body unless the listener says otherwise."""
    rules = export.document.get("webhook") or {}
    scope = payload if isinstance(payload, dict) else {"this": payload}
    text = rendered(rules.get("successBody") or "", scope)
    status = int(rules.get("successStatusCode") or (200 if text else 204))
    media = MEDIA_TYPES.get(rules.get("successMediaType") or "", "application/json")
    headers = rendered_headers(rules.get("successResponseHeaders"), scope)
    return Said(status, text if status != 204 else "", media, headers)

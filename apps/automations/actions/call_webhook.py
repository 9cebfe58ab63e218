"""`callWebhook`: calls an address outside, with a JSON body, a text or none.

A call that writes carries an Idempotency-Key, the same each time this run gets to it, and is repeated under it when its
answer was lost. With `secret` (`whsec_…`) it is signed as Standard Webhooks has it, its id made of that key. The output
is `{status, headers, body}`; an answer of 400 or more fails the action, unless `okStatuses` names it.
"""

from collections.abc import Iterator
from typing import Any

import orjson
from standardwebhooks import Webhook

from apps.automations.actions.outside import context_of, struck, write_once
from apps.automations.actions.registry import ActionKind, Args
from apps.automations.errors import fault
from apps.automations.running.turn import Turn
from apps.connections.failures import TargetRefusedError, of_gateway
from apps.core import clock, gateway
from apps.core.errors import ValidationError
from apps.core.gateway import GatewayError, Request, Response
from apps.engine import templates
from apps.engine.json_values import load_json

READS = ("GET", "HEAD")
METHODS = ("POST", "PUT", "PATCH", "DELETE", *READS)
MAX_RESPONSE = 4 * 1024 * 1024
USUAL_SECONDS, MOST_SECONDS = 30, 120
SHOWN = 300
OWN = ("idempotency-key", "webhook-id", "webhook-timestamp", "webhook-signature", "content-length", "host")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["url"],
    "properties": {
        "url": {"type": "string", "minLength": 1, "maxLength": 4000},
        "method": {"enum": list(METHODS)},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 50},
        "body": {},
        "secret": {"type": "string", "minLength": 1},
        "timeoutSeconds": {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_SECONDS},
        "okStatuses": {"type": "array", "items": {"type": "integer", "minimum": 100, "maximum": 599}},
    },
}


def run(turn: Turn, args: Args) -> dict[str, Any]:
    method = args.get("method") or "POST"
    body, content_type = body_of(args)
    if method in READS:
        answer = read(turn, request_of(turn, args, method, body, content_type, key=""))
    else:
        answer = write_once(
            turn,
            write_kind="key",
            send=lambda key: seen(send(turn, request_of(turn, args, method, body, content_type, key=key))),
        )
    status = answer["status"]
    if status >= 400 and status not in (args.get("okStatuses") or ()):
        text = str(answer["body"] if answer["body"] is not None else "")[:SHOWN]
        told = struck(turn, f"{method} {args['url']} answered {status}{f': {text}' if text else '.'}")
        raise TargetRefusedError(told, target_status=status)
    return answer


def request_of(turn: Turn, args: Args, method: str, body: bytes, content_type: str, *, key: str) -> Request:
    headers = {"User-Agent": "Junction", **({"Content-Type": content_type} if content_type else {})}
    for name, value in (args.get("headers") or {}).items():
        if name.lower() in OWN:
            raise fault(f"{turn.path}.args.headers.{name}", "is set by Junction")
        for known in [known for known in headers if known.lower() == name.lower()]:
            del headers[known]
        headers[name] = value
    if args.get("secret"):
        headers |= signature(turn, args["secret"], body, key or turn.journal.key(turn.path, turn.iteration))
    return Request(
        method, args["url"], headers=headers, body=body, effect="read" if method in READS else "write",
        write_kind="key" if key else "none", idempotency_key=key, max_response_bytes=MAX_RESPONSE,
        timeout=float(args.get("timeoutSeconds") or USUAL_SECONDS), follow_redirects=method in READS,
    )  # fmt: skip


def body_of(args: Args) -> tuple[bytes, str]:
    """A text is sent as it is; anything else as JSON."""
    body = args.get("body")
    if body is None:
        return b"", ""
    if isinstance(body, str):
        return body.encode(errors="replace"), "text/plain; charset=utf-8"
    return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS), "application/json"


def signature(turn: Turn, secret: str, body: bytes, key: str) -> dict[str, str]:
    """Raises ValidationError for a secret that signs nothing."""
    moment, message_id = clock.now(), f"msg_{key}"
    try:
        signed = Webhook(secret).sign(message_id, moment, body.decode(errors="replace"))
    except (ValueError, RuntimeError):
        raise fault(f"{turn.path}.args.secret", "must be whsec_ and bytes in base64") from None
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signed,
    }


def read(turn: Turn, request: Request) -> dict[str, Any]:
    turn.journal.catch_up()
    try:
        return seen(send(turn, request))
    except GatewayError as error:
        raise of_gateway(error) from error


def send(turn: Turn, request: Request) -> Response:
    return gateway.send(request, context=context_of(turn))


def seen(response: Response) -> dict[str, Any]:
    """Header names in lower case; a JSON body parsed."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": content_of(response)}


def content_of(response: Response) -> Any:
    if response.planned:
        return response.json()
    if not response.body:
        return None
    if "json" in response.headers.get("Content-Type", ""):
        try:
            return load_json(response.body)
        except ValueError:
            pass
    return response.body.decode("utf-8", "replace").replace("\0", "")


def rules(args: Args, at: str) -> Iterator[ValidationError]:
    """A secret that stood here would be shown to all who may look at the automation."""
    secret = args.get("secret")
    if isinstance(secret, str) and not templates.is_template(secret):
        yield fault(f"{at}.secret", "is written among the automation's secrets, and named here: {{ secrets.… }}")


KIND = ActionKind(name="callWebhook", run=run, schema=SCHEMA, outside=True, rules=rules)

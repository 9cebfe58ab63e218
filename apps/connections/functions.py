"""What connector programs can call by name in their templates, besides their connector's own functions."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson
from standardwebhooks import Webhook

from apps.core import clock
from apps.core.ids import hex24, new_id
from apps.engine.templates import TemplateError


def new_message_id() -> str:
    return f"msg_{hex24(new_id())}"


def epoch() -> int:
    """Seconds, as signatures and tokens count them."""
    return int(clock.now().timestamp())


def iso_time() -> str:
    return clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_text(value: Any) -> str:
    """The value as the JSON that would be sent, for programs that must sign exactly these bytes."""
    return orjson.dumps(value).decode()


def sign_webhook(secret: Any, message_id: Any, timestamp: Any, body: Any) -> str:
    """The `webhook-signature` of a message under a Standard Webhooks secret (`whsec_…` or plain base64)."""
    if not isinstance(secret, str) or not secret:
        raise TemplateError("sign_webhook needs the credential's signing secret")
    try:
        signer = Webhook(secret)
        return signer.sign(str(message_id), datetime.fromtimestamp(int(timestamp), tz=UTC), str(body))
    except (ValueError, RuntimeError, OverflowError) as error:
        raise TemplateError(f"sign_webhook: the signing secret cannot be used: {error}") from None


FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "json_text": json_text,
        "new_message_id": new_message_id,
        "epoch": epoch,
        "iso_time": iso_time,
        "sign_webhook": sign_webhook,
    }
)

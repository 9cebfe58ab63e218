"""What a signature is made of: templates of a connection's headers see the finished request as `hmacOptions`.

The surprise: such headers are rendered last, so that they sign what is really sent.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

OPTIONS = ("hmacOptions", "hashOptions")
NOT_SIGNED = ("sign", "access_token")


def signs(template: str) -> bool:
    return any(name in template for name in OPTIONS)


def signing_scope(
    *, method: str, url: str, base: str, relative: str, fields: Mapping[str, str], body: bytes, secrets: Any
) -> dict[str, Any]:
    """`secrets` are the connection's `http.encrypted`. Maps of parameters have the first of several values."""
    parts = urlsplit(url)
    parameters = dict(reversed(parse_qsl(parts.query, keep_blank_values=True)))
    text = body.decode("utf-8", "replace")
    options = {
        "headers": dict(fields),
        "body": text,
        "bodyParametersMap": parameters_of(text),
        "method": method,
        "http": {"encrypted": secrets},
        "baseURI": base,
        "relativeURI": relative,
        "urlParameters": parts.query,
        "urlParametersMap": parameters,
        "URI": url,
    }
    ordered = {name: parameters[name] for name in sorted(parameters) if name not in NOT_SIGNED}
    return {"hashOptions": options, "hmacOptions": {**options, "orderedQueryParams": ordered}}


def parameters_of(text: str) -> dict[str, Any]:
    """The members of a JSON object, or the fields of a form."""
    if text.lstrip().startswith("{"):
        try:
            found: dict[str, Any] = orjson.loads(text)
        except orjson.JSONDecodeError:
            return {}
        return found
    return dict(reversed(parse_qsl(text, keep_blank_values=True)))

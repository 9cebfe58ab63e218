"""What a signature is made of: templates of a connection's headers see the finished request as `hmacOptions`.

The surprise: such headers are rendered last, so that they sign what is really sent.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

OPTIONS = ("hmacOptions", "hashOptions")
MOST_FIELDS = 10_000
NOT_SIGNED = ("sign", "access_token")


def signs(template: str) -> bool:
    return any(name in template for name in OPTIONS)


def signing_scope(
    templates: str,
    *,
    method: str,
    url: str,
    base: str,
    relative: str,
    fields: Mapping[str, str],
    body: bytes,
    secrets: Any,
) -> dict[str, Any]:
    """`secrets` are the connection's `http.encrypted`; of the options only what `templates` name is made.

    Maps of parameters have the first of several values.
    """
    parts = urlsplit(url)
    parameters = dict(reversed(parse_qsl(parts.query, keep_blank_values=True)))
    options: dict[str, Any] = {
        "headers": dict(fields),
        "method": method,
        "http": {"encrypted": secrets},
        "baseURI": base,
        "relativeURI": relative,
        "urlParameters": parts.query,
        "urlParametersMap": parameters,
        "URI": url,
    }
    if "body" in templates:
        options["body"] = body.decode("utf-8", "replace")
    if "bodyParametersMap" in templates:
        options["bodyParametersMap"] = parameters_of(options["body"])
    ordered = {name: parameters[name] for name in sorted(parameters) if name not in NOT_SIGNED}
    return {"hashOptions": options, "hmacOptions": {**options, "orderedQueryParams": ordered}}


def parameters_of(text: str) -> dict[str, Any]:
    """The members of a JSON object, or the fields of a form; a body of neither kind has none."""
    if text.lstrip()[:1] in ("{", "[", "<"):
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}
    try:
        return dict(reversed(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)))
    except ValueError:
        return {}

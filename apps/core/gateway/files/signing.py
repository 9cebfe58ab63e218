"""AWS Signature Version 4 for S3 requests, by its public description."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlsplit

_SAFE = "-._~"


def signed_headers(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    key_id: str,
    secret: str,
    region: str,
    token: str = "",
    now: datetime,
) -> dict[str, str]:
    """`headers` and those that authorize the request. The address must be spelled as it will be sent."""
    parts = urlsplit(url)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    sent = {**headers, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    if token:
        sent["x-amz-security-token"] = token
    lower = {name.lower(): " ".join(value.split()) for name, value in sent.items()} | {"host": parts.netloc}
    names = ";".join(sorted(lower))
    fields = "".join(f"{name}:{lower[name]}\n" for name in sorted(lower))
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    canonical = f"{method}\n{parts.path or '/'}\n{query}\n{fields}\n{names}\n{digest}"
    scope = f"{day}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={key_id}/{scope}"
    sent["Authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
    return sent


def query_of(members: Mapping[str, str]) -> str:
    """A query as the signature wants it: encoded, in order, every member with its `=`."""
    pairs = ((quote(name, safe=_SAFE), quote(value, safe=_SAFE)) for name, value in members.items())
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def path_of(key: str) -> str:
    return quote(key, safe=f"{_SAFE}/")

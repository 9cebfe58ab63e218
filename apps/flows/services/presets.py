"""How well-known providers sign what they send: what a listener that names one need not say itself.

A member that the document sets counts more. A provider that is not here says nothing by its name alone.
"""

from collections.abc import Mapping
from typing import Any

HEX = {"verify": "hmac", "algorithm": "sha256", "encoding": "hex"}
BASE64 = {**HEX, "encoding": "base64"}
PRESETS: dict[str, dict[str, Any]] = {
    "github": {**HEX, "header": "X-Hub-Signature-256"},
    "shopify": {**BASE64, "header": "X-Shopify-Hmac-SHA256"},
    # t=seconds,v1=hex over "seconds.body"
    "stripe": {**HEX, "header": "Stripe-Signature", "signed": "{timestamp}.{body}", "fields": ("t", "v1")},
    # v0=hex over "v0:seconds:body", the seconds in a header of their own
    "slack": {
        **HEX, "header": "X-Slack-Signature", "signed": "v0:{timestamp}:{body}", "prefix": "v0=",
        "timestamp": "X-Slack-Request-Timestamp", "challengeSuccessBody": "{{challenge}}",
        "challengeSuccessMediaType": "plaintext",
    },
    "dropbox": {
        **HEX, "header": "X-Dropbox-Signature", "challengeSuccessBody": "{{challenge}}",
        "challengeSuccessMediaType": "plaintext",
    },
    "helpscout": {**BASE64, "algorithm": "sha1", "header": "X-HelpScout-Signature"},
    "intercom": {**HEX, "algorithm": "sha1", "header": "X-Hub-Signature"},
    "segment": {**HEX, "algorithm": "sha1", "header": "X-Signature"},
    "shipwire": {**BASE64, "header": "X-Shipwire-Signature"},
    "typeform": {**BASE64, "header": "Typeform-Signature"},
}  # fmt: skip


def whole(rules: Mapping[str, Any]) -> dict[str, Any]:
    """A listener's rules, with what its provider's name stands for; of those only what fits its way to verify."""
    preset = PRESETS.get(str(rules.get("provider") or ""), {})
    own = {name: value for name, value in rules.items() if value not in (None, "")}
    if own.get("verify", preset.get("verify")) != preset.get("verify"):
        preset = {name: value for name, value in preset.items() if name.startswith("challenge")}
    elif own.get("header", preset.get("header")) != preset.get("header"):
        preset = {name: value for name, value in preset.items() if name not in ("signed", "fields", "prefix")}
    return {**preset, **own}

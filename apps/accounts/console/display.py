"""How the console writes moments, states, links and documents. Times always name their zone."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core import clock

NOTHING = "–"
# State words of executions, steps, pages and the rest, by how they look.
LOOKS = {
    "danger": ("failed", "in_doubt", "offline", "late", "stopped", "revoked", "open", "error"),
    "warning": (
        "canceling", "waiting", "parked", "disabled", "skipped", "paused", "with errors", "cut short", "retrying",
        "intent",
    ),
    "info": ("running", "queued", "held", "due", "plan", "replay"),
    "success": ("succeeded", "done", "online", "enabled", "resolved", "active", "published", "ok"),
}  # fmt: skip
_LOOK_OF = {word: look for look, words in LOOKS.items() for word in words}
STEPS = ((60, "s"), (60, "min"), (24, "h"))


def badge(word: str, *, look: str = "") -> SafeString:
    return format_html(
        '<span class="jn-badge jn-{}">{}</span>', look or _LOOK_OF.get(word, "plain"), word.replace("_", " ")
    )


def moment(value: datetime | None, *, empty: str = NOTHING) -> SafeString | str:
    """In the viewer's zone, which the middleware has activated; the tooltip has UTC."""
    if value is None:
        return empty
    local = timezone.localtime(value)
    return format_html(
        '<time class="jn-time" datetime="{}" title="{} UTC">{} {}</time>',
        value.isoformat(),
        value.astimezone(timezone.get_fixed_timezone(0)).strftime("%Y-%m-%d %H:%M:%S"),
        local.strftime("%d %b %Y, %H:%M:%S"),
        zone_name(local),
    )


def zone_name(local: datetime) -> str:
    """CET; a zone without letters of its own is named by its offset."""
    name = local.strftime("%Z")
    return name if name[:1].isalpha() else f"UTC{local:%z}"


def ago(value: datetime | None, *, now: datetime | None = None) -> str:
    """3 min ago, in 2 h."""
    if value is None:
        return NOTHING
    passed = (now or clock.now()) - value
    words = span(abs(passed))
    return f"in {words}" if passed < timedelta(0) else f"{words} ago"


def span(value: timedelta | None) -> str:
    if value is None:
        return NOTHING
    number = value.total_seconds()
    if number < 1:
        return f"{number * 1000:.0f} ms"
    for size, unit in STEPS:
        if number < size:
            return f"{number:.0f} {unit}"
        number /= size
    return f"{number:.0f} d"


def link(url: str, text: object) -> SafeString:
    return format_html('<a class="jn-link" href="{}">{}</a>', url, text)


def code(text: object) -> SafeString:
    return format_html('<code class="jn-code">{}</code>', text)


def unbroken(text: str) -> SafeString | str:
    """A name of a record is read as one word, unless it is a long one."""
    return format_html('<span class="jn-time">{}</span>', text) if 0 < len(text) <= 40 else text


def pretty(value: Any) -> str:
    """JSON for people; text stays as it is."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode()

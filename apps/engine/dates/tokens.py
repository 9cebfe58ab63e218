"""Splits a moment.js format into tokens and literals, once per format; English locale."""

import re
from functools import lru_cache

MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

_SHORTHANDS = {
    "LTS": "h:mm:ss A",
    "LT": "h:mm A",
    "LLLL": "dddd, MMMM D, YYYY h:mm A",
    "LLL": "MMMM D, YYYY h:mm A",
    "LL": "MMMM D, YYYY",
    "L": "MM/DD/YYYY",
    "llll": "ddd, MMM D, YYYY h:mm A",
    "lll": "MMM D, YYYY h:mm A",
    "ll": "MMM D, YYYY",
    "l": "M/D/YYYY",
}
_SHORTHAND = re.compile(r"(\[[^\[]*?\])|(\\.)|(LTS|LT|LL?L?L?|l{1,4})", re.DOTALL)
_TOKEN = re.compile(
    r"\[(?P<literal>[^\[]*?)\]|\\(?P<escaped>.)"
    r"|(?P<token>[Hh]mm(?:ss)?|Mo|MM?M?M?|Do|DDDo|DD?D?D?|ddd?d?|do?|w[ow]?|W[oW]?|Qo?|YYYY|YY|Y"
    r"|gggg|gg|GGGG|GG|e|E|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}|x|X|zz?|ZZ?)"
    r"|(?P<other>.)",
    re.DOTALL,
)
MAX_FORMAT = 500


@lru_cache(maxsize=2048)
def split_format(fmt: str) -> tuple[tuple[bool, str], ...]:
    """(is_token, text) pairs; neighbouring literals are joined. Raises ValueError when the format is too long."""
    if len(fmt) > MAX_FORMAT:
        raise ValueError(f"a date format has at most {MAX_FORMAT} characters")
    expanded = _SHORTHAND.sub(lambda found: _SHORTHANDS[found[3]] if found[3] else found[0], fmt)
    parts: list[tuple[bool, str]] = []
    for found in _TOKEN.finditer(expanded):
        kind = found.lastgroup or "literal"
        text = found[kind]
        if kind == "token":
            parts.append((True, text))
        elif parts and not parts[-1][0]:
            parts[-1] = (False, parts[-1][1] + text)
        elif text:
            parts.append((False, text))
    return tuple(parts)

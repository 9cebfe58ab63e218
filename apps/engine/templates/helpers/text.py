"""Text helpers. Scalars become text first and lists comma text; a character is a code point, so none is cut in two."""

import re
from collections.abc import Callable
from math import floor, isfinite, isnan
from typing import Any

from apps.engine.javascript_values import numeric, to_text
from apps.engine.templates.environment import Run
from apps.engine.templates.helpers.registry import helper

_LONGEST_PAD = 999_999
_HUMP = re.compile(r"([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")
_SENTENCE_START = re.compile(r"(?:\A|[.!?])\s*\w")
_WORD = re.compile(r"\S+")


@helper("uppercase")
def uppercase(value: Any) -> str:
    return to_text(value).upper()


@helper("lowercase")
def lowercase(value: Any) -> str:
    return to_text(value).lower()


@helper("capitalize")
def capitalize(value: Any) -> str:
    text = to_text(value)
    return text[:1].upper() + text[1:]


@helper("capitalizeAll")
def capitalize_all(value: Any) -> str:
    return re.sub(r"\w\S*", lambda word: capitalize(word.group()), to_text(value))


def _words(value: Any) -> list[str]:
    return [word for word in _SEPARATORS.split(to_text(value).lower()) if word]


@helper("camelcase")
def camelcase(value: Any) -> str:
    text = pascalcase(value)
    return text[:1].lower() + text[1:]


@helper("pascalcase")
def pascalcase(value: Any) -> str:
    return "".join(capitalize(word) for word in _words(value))


def _joined_case(separator: str) -> Callable[[Any], str]:
    def change(value: Any) -> str:
        split = _HUMP.sub(lambda hump: f"{hump[1]} {hump[2]}" if hump[1] else f"{hump[3]} ", to_text(value))
        return separator.join(_words(split))

    return change


helper("snakecase")(_joined_case("_"))
helper("dashcase")(_joined_case("-"))
helper("dotcase")(_joined_case("."))
helper("pathcase")(_joined_case("/"))


@helper("sentence")
def sentence(value: Any) -> str:
    return _SENTENCE_START.sub(lambda start: start.group().upper(), to_text(value).lower())


@helper("trim")
def trim(value: Any) -> str:
    return to_text(value).strip()


@helper("trimLeft")
def trim_left(value: Any) -> str:
    return to_text(value).lstrip()


@helper("trimRight")
def trim_right(value: Any) -> str:
    return to_text(value).rstrip()


@helper("chop")
def chop(value: Any) -> str:
    text = to_text(value)
    kept = [index for index, character in enumerate(text) if character.isalnum()]
    return text[kept[0] : kept[-1] + 1] if kept else ""


def _padding(run: Run, text: str, length: Any, fill: Any) -> str:
    wanted = numeric(length)
    if not isfinite(wanted) or wanted <= len(text):
        return ""
    if wanted >= _LONGEST_PAD + 1:
        raise ValueError(f"the length is at most {_LONGEST_PAD}")
    run.allow(wanted)
    missing = floor(wanted) - len(text)
    fill = to_text(fill) or " "
    return (fill * (missing // len(fill) + 1))[:missing]


@helper("padLeft")
def pad_left(run: Run, value: Any, length: Any = None, fill: Any = " ") -> str:
    text = to_text(value)
    return _padding(run, text, length, fill) + text


@helper("padRight")
def pad_right(run: Run, value: Any, length: Any = None, fill: Any = " ") -> str:
    text = to_text(value)
    return text + _padding(run, text, length, fill)


@helper("replace")
def replace(run: Run, value: Any, old: Any, new: Any = "") -> str:
    text, old, new = to_text(value), to_text(old), to_text(new)
    if not old:
        return text
    run.allow(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


@helper("replacefirst")
def replace_first(value: Any, old: Any, new: Any = "") -> str:
    text, old = to_text(value), to_text(old)
    return text.replace(old, to_text(new), 1) if old else text


@helper("removefirst")
def remove_first(value: Any, old: Any) -> str:
    return replace_first(value, old)


@helper("split")
def split(run: Run, value: Any, delimiter: Any = ",", index: Any = 0) -> str:
    """One part, the first when no index is given. Text without the delimiter is whole, whatever the index."""
    text, delimiter = to_text(value), to_text(delimiter)
    if delimiter and delimiter not in text:
        return text
    run.allow(len(text))
    parts = text.split(delimiter) if delimiter else list(text)
    wanted = numeric(index)
    return parts[int(wanted)] if 0 <= wanted < len(parts) else ""


@helper("join")
def join(run: Run, delimiter: Any, *values: Any) -> str:
    delimiter = to_text(delimiter)
    parts: list[str] = []
    for value in values:
        if isinstance(value, (list, tuple)):
            parts += map(to_text, value)
        else:
            parts.append(to_text(value))
    run.allow(sum(map(len, parts)) + len(delimiter) * len(parts))
    return delimiter.join(parts)


@helper("substring")
def substring(value: Any, start: Any = 0, end: Any = None) -> str:
    """JavaScript's: places are clipped to the text, and swapped when they stand the wrong way round."""
    text = to_text(value)
    first = _clipped(start, len(text))
    last = len(text) if end is None else _clipped(end, len(text))
    return text[min(first, last) : max(first, last)]


def _clipped(place: Any, size: int) -> int:
    number = numeric(place)
    return int(min(max(number, 0), size)) if not isnan(number) else 0


@helper("reverse")
def reverse(value: Any) -> Any:
    return list(value[::-1]) if isinstance(value, (list, tuple)) else to_text(value)[::-1]


@helper("occurrences")
def occurrences(value: Any, part: Any) -> int:
    part = to_text(part)
    return to_text(value).count(part) if part else 0


@helper("truncateWords")
def truncate_words(value: Any, count: Any, suffix: Any = "…") -> str:
    text, wanted = to_text(value), numeric(count)
    if not isfinite(wanted) or wanted < 0:
        return ""
    wanted = floor(wanted)
    ends = [word.end() for word in _WORD.finditer(text)]
    if len(ends) <= wanted:
        return text
    return (text[: ends[wanted - 1]].lstrip() if wanted else "") + to_text(suffix)


@helper("sanitize")
def sanitize(value: Any) -> str:
    """Drops what stands between < and >. Scans once: a pattern would take quadratic time on many lone <."""
    text, kept, at = to_text(value), [], 0
    while (opening := text.find("<", at)) >= 0 and (closing := text.find(">", opening)) >= 0:
        kept.append(text[at:opening])
        at = closing + 1
    return "".join(kept) + text[at:]

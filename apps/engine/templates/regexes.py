"""JavaScript regular expressions on the `regex` library, which can give up: every search has a time limit."""

import re
from collections.abc import Iterator
from functools import lru_cache

import regex

from apps.engine.templates.environment import Run
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.regex_dialect import translate

_FLAGS = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
_IGNORED_FLAGS = frozenset("guyd")
_LONGEST_PATTERN = 10_000
_REPLACEMENT = re.compile(r"\$(?:(?P<sign>[$&`'])|(?P<number>\d{1,2})|<(?P<name>[^>]{1,200})>)")


class Pattern:
    def __init__(self, expression: "regex.Pattern[str]", *, everywhere: bool) -> None:
        self.expression = expression
        self.everywhere = everywhere

    def matches(self, text: str, run: Run) -> Iterator["regex.Match[str]"]:
        """Every match from the left. Raises TemplateError when the pattern takes too long on this text."""
        at = 0
        while at <= len(text):
            run.charge(1)
            try:
                match = self.expression.search(text, at, timeout=run.seconds_left())
            except TimeoutError:
                raise TemplateError("the pattern takes too long on this text") from None
            if match is None:
                return
            yield match
            at = match.end() + (match.end() == match.start())

    def replace(self, text: str, replacement: str, run: Run) -> str:
        pieces: list[str] = []
        at = size = 0
        for match in self.matches(text, run):
            pieces += (text[at : match.start()], _expanded(replacement, match, text))
            size += len(pieces[-1]) + len(pieces[-2])
            run.allow(size - len(text) if size > len(text) else 0)
            at = match.end()
            if not self.everywhere:
                break
        pieces.append(text[at:])
        return "".join(pieces)


@lru_cache(maxsize=256)
def compile_pattern(source: str, flags: str) -> Pattern:
    """Raises TemplateError naming what is wrong with the pattern or its flags."""
    if len(source) > _LONGEST_PATTERN:
        raise TemplateError(f"a pattern is at most {_LONGEST_PATTERN} characters")
    options = 0
    for flag in flags:
        if flag not in _FLAGS and flag not in _IGNORED_FLAGS:
            raise TemplateError(f"{flag!r} is not a flag of regular expressions")
        options |= int(_FLAGS.get(flag, 0))
    try:
        expression = regex.compile(translate(source, multiline="m" in flags), options | regex.VERSION0)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise TemplateError(f"not a regular expression: {source[:100]!r}: {error}") from None
    return Pattern(expression, everywhere="g" in flags)


def _expanded(replacement: str, match: "regex.Match[str]", text: str) -> str:
    if "$" not in replacement:
        return replacement
    groups = match.re.groups

    def expand(reference: re.Match[str]) -> str:
        if sign := reference["sign"]:
            return {"$": "$", "&": match.group(), "`": text[: match.start()], "'": text[match.end() :]}[sign]
        if name := reference["name"]:
            return (match.groupdict().get(name) or "") if match.groupdict() else reference.group()
        digits = reference["number"]
        if 1 <= int(digits) <= groups:
            return match.group(int(digits)) or ""
        if len(digits) == 2 and 1 <= int(digits[0]) <= groups:
            return (match.group(int(digits[0])) or "") + digits[1]
        return reference.group()

    return _REPLACEMENT.sub(expand, replacement)

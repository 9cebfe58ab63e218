"""The words inside one tag. Text between tags is the parser's; brackets and quotes arrive already opened."""

import re
from typing import NamedTuple

from apps.engine.templates.errors import Position, TemplateError

_NAME = r"""[^\s!"\#%-,./;->@\[-\^`{-~]+(?=[=~}\s/.)|\]\[]|\Z)"""
_AFTER_LITERAL = r"(?=[~}\s)\]])"
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+)
  | (?P<close>}}?~?}}}})
  | (?P<string>"(?:\\"|[^"])*"|'(?:\\'|[^'])*')
  | (?P<literal>(?:true|false|undefined|null){_AFTER_LITERAL})
  | (?P<number>-?[0-9]+(?:\.[0-9]+)?{_AFTER_LITERAL})
  | (?P<as>as\s+\|)
  | (?P<name>{_NAME})
  | (?P<bracket>\[(?:\\\]|[^\]])*\])
  | (?P<up>\.\.)
  | (?P<here>\.(?=[=~}}\s/.)|]))
  | (?P<separator>[/.])
  | (?P<mark>[()=@|])
    """,
    re.VERBOSE | re.ASCII,
)


class Token(NamedTuple):
    kind: str
    text: str
    offset: int


def tokens_of_tag(text: str, offset: int, close: str) -> tuple[list[Token], int]:
    """The tokens from offset to the closing braces (`}}` or `}}}`), the last one being the close, and where it ends."""
    tokens: list[Token] = []
    start = offset
    while match := _TOKEN.match(text, offset):
        kind = str(match.lastgroup)
        if kind == "close":
            token = _closing(text, offset, close)
            tokens.append(token)
            return tokens, offset + len(token.text)
        if kind != "space":
            tokens.append(Token(kind, match.group(), offset))
        offset = match.end()
    if offset >= len(text):
        raise TemplateError("a tag is opened with {{ and never closed", Position.of(text, start - 2))
    raise TemplateError(f"unexpected {text[offset]!r} inside a tag", Position.of(text, offset))


def _closing(text: str, offset: int, close: str) -> Token:
    for ending in (close, "}~}}" if close == "}}}" else "~}}"):
        if text.startswith(ending, offset):
            return Token("close", ending, offset)
    raise TemplateError(f"the tag must end with {close}", Position.of(text, offset))

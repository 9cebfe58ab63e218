"""The inside of a tag to a tree: paths, literals, calls, named arguments, block parameters."""

import re
from typing import Any

from apps.engine.templates.errors import Position, TemplateError
from apps.engine.templates.handlebars.lexer import Token
from apps.engine.templates.handlebars.syntax import Call, Expression, Literal, Path

_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": None}
_DEEPEST = 60


def parse_call(text: str, tokens: list[Token], start: int) -> tuple[Call, tuple[str, ...]]:
    """A whole tag: its call and the names after `as |…|`."""
    reader = _Reader(text, tokens)
    call = reader.call(start, nested=False)
    names = reader.block_names()
    if reader.kind != "close":
        raise reader.unexpected()
    return call, names


class _Reader:
    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.index = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    @property
    def kind(self) -> str:
        token = self.token
        return token.text if token.kind == "mark" else token.kind

    def error(self, message: str, offset: int | None = None) -> TemplateError:
        return TemplateError(message, Position.of(self.text, self.token.offset if offset is None else offset))

    def unexpected(self) -> TemplateError:
        if self.kind == "close":
            return self.error("the tag ends too early")
        return self.error(f"unexpected {self.token.text!r} inside a tag")

    def call(self, offset: int, *, nested: bool) -> Call:
        target = self.expression()
        params: list[Expression] = []
        named: dict[str, Expression] = {}
        while self.kind not in ("close", ")", "as"):
            following = self.tokens[self.index + 1]
            if self.kind in ("name", "bracket") and following.kind == "mark" and following.text == "=":
                name = _unbracket(self.token.text)
                self.index += 2
                named[name] = self.expression()
            elif named:
                raise self.error("a plain argument must come before the named ones")
            else:
                params.append(self.expression())
        return Call(target, params, named, offset, nested)

    def expression(self) -> Expression:
        token = self.token
        match self.kind:
            case "string":
                self.index += 1
                quote = token.text[0]
                value = token.text[1:-1].replace("\\" + quote, quote)
                return Literal(value, value, token.offset)
            case "number":
                self.index += 1
                number = float(token.text) if "." in token.text or len(token.text) > 17 else int(token.text)
                return Literal(number, token.text, token.offset)
            case "literal":
                self.index += 1
                return Literal(_LITERALS[token.text], token.text, token.offset)
            case "(":
                return self._nested_call()
            case "@" | "name" | "bracket" | "up" | "here":
                return self._path()
        raise self.unexpected()

    def _nested_call(self) -> Call:
        offset = self.token.offset
        self.index += 1
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error(f"expressions nest deeper than {_DEEPEST}")
        call = self.call(offset, nested=True)
        if self.kind != ")":
            raise self.error("a ( is never closed", offset)
        self.index += 1
        self.depth -= 1
        return call

    def _path(self) -> Path:
        offset = self.token.offset
        data = self.kind == "@"
        if data:
            self.index += 1
        parts: list[str] = []
        depth = 0
        scoped = False
        first = self.index
        while True:
            token = self.token
            if token.kind not in ("name", "bracket", "up", "here"):
                raise self.unexpected()
            word = _unbracket(token.text)
            if token.kind != "bracket" and word in ("..", ".", "this"):
                if parts:
                    raise self.error(f"{word!r} can only begin a path")
                scoped = True
                depth += word == ".."
            else:
                parts.append(word)
            self.index += 1
            following = self.token
            if following.kind == "separator":
                self.index += 1
            elif following.kind != "bracket" or following.offset != token.offset + len(token.text):
                break
        original = ("@" if data else "") + "".join(_unbracket(t.text) for t in self.tokens[first : self.index])
        return Path(tuple(parts), depth, data, scoped, original, offset)

    def block_names(self) -> tuple[str, ...]:
        if self.kind != "as":
            return ()
        self.index += 1
        names: list[str] = []
        while self.kind == "name":
            names.append(self.token.text)
            self.index += 1
        if self.kind != "|" or not names:
            raise self.error("block parameters are written `as |item index|`")
        self.index += 1
        return tuple(names)


def _unbracket(text: str) -> str:
    return text[1:-1] if re.match(r"\[.*\]\Z", text, re.DOTALL) else text

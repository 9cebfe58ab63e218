"""Handlebars text to a tree: the tags, blocks and else chains. Partials and decorators are refused by name."""

import re

from apps.engine.templates.errors import Position, TemplateError
from apps.engine.templates.handlebars.expressions import parse_call
from apps.engine.templates.handlebars.lexer import tokens_of_tag
from apps.engine.templates.handlebars.syntax import Block, Call, Comment, Mustache, Program, Strip, Text
from apps.engine.templates.handlebars.whitespace import settle_whitespace

_OPEN = re.compile(r"\{\{(?P<strip>~?)(?P<kind>>|\#>|\#\*?|/|\^|\{|&|\*|!(?!--)|!--)?")
_ELSE = re.compile(r"\{\{~?\s*else\b")
_BARE_END = re.compile(r"\s*~?\}\}")
_COMMENT_END = re.compile(r"--(~?)\}\}")
_DEEPEST = 60


class _Ending:
    """The tag that ended a program: an else, an else with a condition, or a close."""

    def __init__(self, *, kind: str, strip: Strip, offset: int, call: Call | None = None, names: tuple[str, ...] = ()):
        self.kind = kind
        self.strip = strip
        self.offset = offset
        self.call = call
        self.names = names


def parse(text: str) -> Program:
    parser = _Parser(text)
    program, ending = parser.program(depth=0)
    if ending is not None:
        name = "else" if ending.kind != "close" else "/" + parser.name_of(ending.call)
        raise parser.error(f"{{{{{name}}}}} belongs to no open block", ending.offset)
    settle_whitespace(program)
    return program


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def error(self, message: str, offset: int) -> TemplateError:
        return TemplateError(message, Position.of(self.text, offset))

    def program(self, *, depth: int, names: tuple[str, ...] = ()) -> tuple[Program, _Ending | None]:
        if depth > _DEEPEST:
            raise self.error(f"blocks nest deeper than {_DEEPEST}", self.at)
        program = Program(names=names)
        while self.at < len(self.text):
            start = self._read_text(program)
            if start is None:
                break
            if self.text.startswith("{{{{", start):
                program.body.append(self._raw_block(start))
                continue
            opening = self._match(_OPEN, start)
            kind, tilde = opening["kind"] or "", bool(opening["strip"])
            if kind in ("!", "!--"):
                program.body.append(self._comment(opening.end(), tilde=tilde, dashes=kind == "!--"))
            elif kind in (">", "#>", "#*", "*"):
                raise self.error("partials and decorators are not part of these templates", start)
            elif kind == "/":
                call, _, close = self._head(opening.end(), start)
                return program, _Ending(kind="close", strip=Strip(tilde, close), offset=start, call=call)
            elif _ELSE.match(self.text, start):
                return program, self._else(start, tilde=tilde)
            elif kind == "^" and self._is_bare(opening.end()):
                tokens, self.at = tokens_of_tag(self.text, opening.end(), "}}")
                return program, _Ending(kind="else", strip=Strip(tilde, "~" in tokens[-1].text), offset=start)
            elif kind in ("#", "^"):
                program.body.append(self._block(start, opening.end(), kind=kind, tilde=tilde, depth=depth))
            else:
                program.body.append(self._mustache(start, opening.end(), kind=kind, tilde=tilde))
        return program, None

    def _read_text(self, program: Program) -> int | None:
        """Appends the text before the next live tag and gives that tag's offset; backslashes make tags text."""
        pieces: list[str] = []
        while True:
            found = self.text.find("{{", self.at)
            if found < 0:
                pieces.append(self.text[self.at :])
                self.at = len(self.text)
                break
            before = self.text[self.at : found]
            if before.endswith("\\\\"):
                pieces.append(before[:-1])
                self.at = found
                break
            if not before.endswith("\\"):
                pieces.append(before)
                self.at = found
                break
            pieces.append(before[:-1] + "{{")
            self.at = found + 2
        value = "".join(pieces)
        if value:
            program.body.append(Text(value, value))
        return found if found >= 0 else None

    def _match(self, pattern: re.Pattern[str], start: int) -> re.Match[str]:
        match = pattern.match(self.text, start)
        if match is None:
            raise self.error("not a tag", start)
        return match

    def _is_bare(self, offset: int) -> bool:
        return _BARE_END.match(self.text, offset) is not None

    def _comment(self, offset: int, *, tilde: bool, dashes: bool) -> Comment:
        if dashes:
            end = _COMMENT_END.search(self.text, offset)
            if end is None:
                raise self.error("a comment is opened with {{!-- and never closed", offset - 5)
            self.at = end.end()
            return Comment(Strip(tilde, bool(end[1])))
        found = self.text.find("}}", offset)
        if found < 0:
            raise self.error("a comment is opened with {{! and never closed", offset - 3)
        self.at = found + 2
        return Comment(Strip(tilde, self.text[found - 1] == "~"))

    def _head(self, offset: int, start: int, *, close: str = "}}") -> tuple[Call, tuple[str, ...], bool]:
        tokens, self.at = tokens_of_tag(self.text, offset, close)
        call, names = parse_call(self.text, tokens, start)
        return call, names, "~" in tokens[-1].text

    def _mustache(self, start: int, offset: int, *, kind: str, tilde: bool) -> Mustache:
        call, names, close = self._head(offset, start, close="}}}" if kind == "{" else "}}")
        if names:
            raise self.error("block parameters belong on a block, {{#each items as |item|}}", start)
        return Mustache(call, escaped=kind not in ("{", "&"), strip=Strip(tilde, close))

    def _else(self, start: int, *, tilde: bool) -> _Ending:
        opening = self._match(_ELSE, start)
        if self._is_bare(opening.end()):
            tokens, self.at = tokens_of_tag(self.text, opening.end(), "}}")
            return _Ending(kind="else", strip=Strip(tilde, "~" in tokens[-1].text), offset=start)
        call, names, close = self._head(opening.end(), start)
        return _Ending(kind="chain", strip=Strip(tilde, close), offset=start, call=call, names=names)

    def _block(self, start: int, offset: int, *, kind: str, tilde: bool, depth: int) -> Block:
        call, names, close = self._head(offset, start)
        block, ending = self._rest_of_block(call, names, Strip(tilde, close), depth=depth, start=start)
        if self.name_of(ending.call) != self.name_of(call):
            opened, closed = self.name_of(call), self.name_of(ending.call)
            raise self.error(f"{{{{#{opened}}}}} is closed by {{{{/{closed}}}}}", ending.offset)
        if kind == "^":
            block.program, block.inverse = block.inverse, block.program
        return block

    def _rest_of_block(
        self, call: Call, names: tuple[str, ...], opening: Strip, *, depth: int, start: int
    ) -> tuple[Block, _Ending]:
        program, ending = self.program(depth=depth + 1, names=names)
        inverse, inverse_strip = None, Strip()
        if ending is not None and ending.kind == "else":
            inverse_strip = ending.strip
            inverse, ending = self.program(depth=depth + 1)
            if ending is not None and ending.kind != "close":
                raise self.error("a second {{else}} in one block", ending.offset)
        elif ending is not None and ending.call is not None and ending.kind == "chain":
            inverse_strip = ending.strip
            inner, closing = self._rest_of_block(
                ending.call, ending.names, ending.strip, depth=depth, start=ending.offset
            )
            inverse, ending = Program([inner], chained=True), closing
        if ending is None:
            raise self.error(f"{{{{#{self.name_of(call)}}}}} is never closed", start)
        return Block(call, program, inverse, opening, inverse_strip, ending.strip), ending

    def _raw_block(self, start: int) -> Block:
        end = self.text.find("}}}}", start)
        if end < 0:
            raise self.error("a raw block is opened with {{{{ and never closed", start)
        tokens, _ = tokens_of_tag(self.text[: end + 2], start + 4, "}}")
        call, _ = parse_call(self.text, tokens, start)
        body_start, level, at = end + 4, 1, end + 4
        while level:
            at = self.text.find("{{{{", at)
            if at < 0:
                raise self.error(f"{{{{{{{{{self.name_of(call)}}}}}}}}} is never closed", start)
            level += -1 if self.text.startswith("/", at + 4) else 1
            at += 4
        closing = f"/{self.name_of(call)}}}}}}}}}"
        if not self.text.startswith(closing, at):
            raise self.error(f"{{{{{{{{{self.name_of(call)}}}}}}}}} is closed by another name", at - 4)
        body = self.text[body_start : at - 4]
        self.at = at + len(closing)
        program = Program([Text(body, body)] if body else [])
        return Block(call, program, None, Strip(), Strip(), Strip(), raw=True)

    def name_of(self, call: Call | None) -> str:
        return "" if call is None or isinstance(call.target, Call) else call.target.original

"""SQL around values: the statement is read as the database will read it, and each value becomes a parameter.

A value inside single quotes turns its whole literal into one parameter (`'%{{q}}%'`), because placeholders inside
quotes are text. The reading happens on the rendered pieces, so a block may open a quote and another close it.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from apps.engine.javascript_values import to_text
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.handlebars.compiler import BoundValue

SqlDialect = Literal["standard", "postgresql", "mysql"]
Shape = tuple[str | None, ...]

_MARK = re.compile(r"'|\"|`|--|/\*|\#|\$(?:[A-Za-z_]\w*)?\$")
_TYPED = re.compile(r"(?<![\w.])(DATE|TIME|TIMESTAMP|TIMESTAMPTZ|DATETIME|INTERVAL)\s*\Z", re.IGNORECASE)
_PREFIX = re.compile(r"(?<![\w$])[NEne]\Z")
_ESCAPE_PREFIX = re.compile(r"(?<![\w$])[Ee]\Z")
_BACKSLASH = re.compile(r"\\(.)", re.DOTALL)
_BACKSLASHED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "0": "\0", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_AMBIGUOUS = "a backslash before a quote means one thing to MySQL and another to the rest: say which dialect it is"


@dataclass(frozen=True, slots=True)
class Slot:
    """One parameter: texts, and numbers of the values between them; `cast` when a type stood before its literal."""

    parts: tuple[str | int, ...]
    cast: str | None = None

    def value(self, values: list[Any]) -> str | None:
        """A lone null stays null; within a longer text it is nothing."""
        if len(self.parts) == 1 and isinstance(self.parts[0], int) and values[self.parts[0]] is None:
            return None
        return "".join([part if isinstance(part, str) else to_text(values[part]) for part in self.parts])


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement that was read: its texts and slots in order. It serves all values between the same texts."""

    segments: tuple[str | Slot, ...]
    slots: tuple[Slot, ...]
    statement: str

    def bind(self, values: list[Any]) -> tuple[str, list[str | None]]:
        return self.statement, [slot.value(values) for slot in self.slots]

    def quote(self, values: list[Any], *, dialect: SqlDialect | None) -> str:
        """To look at, not to send."""
        return "".join(
            segment if isinstance(segment, str) else _quoted(segment, values, dialect) for segment in self.segments
        )


def _quoted(slot: Slot, values: list[Any], dialect: SqlDialect | None) -> str:
    text = slot.value(values)
    if text is None:
        return "NULL"
    text = text.replace("\\", "\\\\") if dialect == "mysql" else text
    literal = "'" + text.replace("'", "''") + "'"
    return f"{slot.cast} {literal}" if slot.cast else literal


def shape_of(pieces: list[Any]) -> Shape:
    return tuple([piece if type(piece) is str else None for piece in pieces])


def values_of(pieces: list[Any]) -> list[Any]:
    return [piece.value for piece in pieces if isinstance(piece, BoundValue)]


def read_statement(shape: Shape, *, dialect: SqlDialect | None) -> Plan:
    """Raises TemplateError where a value stands at a place that takes none."""
    segments = tuple(_Reader(dialect).read(shape))
    texts = [segment.replace("%", "%%") if isinstance(segment, str) else _placeholder(segment) for segment in segments]
    return Plan(segments, tuple(segment for segment in segments if isinstance(segment, Slot)), "".join(texts))


def _placeholder(slot: Slot) -> str:
    return f"CAST(%s AS {slot.cast})" if slot.cast else "%s"


class _Reader:
    """Outside of quotes `closer` is empty; inside it is what ends the stretch, and `held` is the stretch so far."""

    def __init__(self, dialect: SqlDialect | None) -> None:
        self.dialect = dialect
        self.out: list[str | Slot] = []
        self.closer = ""
        self.escapes = False
        self.held: list[str | int] = []

    def read(self, shape: Shape) -> list[str | Slot]:
        for piece in _numbered(shape):
            if isinstance(piece, int):
                self._value(piece)
            else:
                self._text(piece)
        if any(isinstance(piece, int) for piece in self.held):
            raise TemplateError("a quote before a value is never closed")
        return [*self.out, *map(str, self.held)]

    def _value(self, number: int) -> None:
        if not self.closer:
            self.out.append(Slot((number,)))
        elif self._is_text():
            self.held.append(number)
        elif self.closer not in ("\n", "*/"):
            raise TemplateError(
                f"a value cannot stand between {self.closer} and {self.closer}: names need triple braces"
            )

    def _is_text(self) -> bool:
        return self.closer == "'" or (self.closer == '"' and self.dialect == "mysql")

    def _text(self, text: str) -> None:
        at = 0
        while at < len(text):
            at = self._inside(text, at) if self.closer else self._outside(text, at)

    def _outside(self, text: str, at: int) -> int:
        mark = _MARK.search(text, at)
        if mark is None:
            self.out.append(text[at:])
            return len(text)
        if self._is_code(text, mark):
            self.out.append(text[at : mark.end()])
            return mark.end()
        if mark.start() > at:
            self.out.append(text[at : mark.start()])
        word = mark.group()
        self.closer = {"--": "\n", "#": "\n", "/*": "*/"}.get(word, word)
        self.escapes = self.dialect == "mysql" or (
            word == "'" and self.dialect != "standard" and _ESCAPE_PREFIX.search(self._before()) is not None
        )
        self.held = [word]
        return mark.end()

    def _is_code(self, text: str, mark: re.Match[str]) -> bool:
        """Whether the mark opens nothing in this dialect."""
        word, before, after = mark.group(), text[: mark.start()][-1:], text[mark.end() : mark.end() + 1]
        if word == "#":
            return self.dialect != "mysql"
        if word[0] == "$":
            return self.dialect not in (None, "postgresql") or before.isalnum() or before in ("_", "$")
        # MySQL's comments need a blank, and its /*! … */ is code.
        return (word == "--" and self.dialect == "mysql" and not after.isspace()) or (word == "/*" and after == "!")

    def _before(self) -> str:
        last = self.out[-1] if self.out else ""
        return last if isinstance(last, str) else ""

    def _inside(self, text: str, at: int) -> int:
        end = self._end(text, at)
        if end is None:
            self.held.append(text[at:])
            return len(text)
        self.held.append(text[at:end])
        self._close()
        end += len(self.closer)
        self.closer, self.held = "", []
        return end

    def _end(self, text: str, at: int) -> int | None:
        """Where the closer begins; doubled and escaped quotes are passed over."""
        closer = self.closer
        while True:
            end = text.find(closer, at)
            if end < 0:
                return None
            if closer in ("'", '"', "`"):
                backslashes = _backslashes_before(text, end)
                if backslashes and closer == "'" and self.dialect is None and not self.escapes:
                    raise TemplateError(_AMBIGUOUS)
                if self.escapes and closer != "`" and backslashes % 2:
                    at = end + 1
                    continue
                if text.startswith(closer * 2, end):
                    at = end + 2
                    continue
            return end

    def _close(self) -> None:
        """Writes the stretch that just ended: as it was, or as one slot when values stand in it."""
        content = [piece for piece in self.held[1:] if piece != ""]
        if not any(isinstance(piece, int) for piece in content):
            self.out.append("".join(map(str, self.held)) + self.closer)
            return
        before, cast = self._before(), None
        if prefix := _PREFIX.search(before):
            self.out[-1] = before[: prefix.start()]
        elif typed := _TYPED.search(before):
            # DATE '2026-01-31' is one literal: the word cannot stand before a parameter.
            self.out[-1], cast = before[: typed.start()], typed[1]
        self.out.append(Slot(tuple(self._plain(piece) if isinstance(piece, str) else piece for piece in content), cast))

    def _plain(self, piece: str) -> str:
        """The text of a literal as the database would read it."""
        text = piece.replace(self.closer * 2, self.closer)
        if not self.escapes:
            return text
        return _BACKSLASH.sub(lambda match: _BACKSLASHED.get(match[1], match[1]), text)


def _backslashes_before(text: str, end: int) -> int:
    at = end
    while at and text[at - 1] == "\\":
        at -= 1
    return end - at


def _numbered(shape: Shape) -> list[str | int]:
    """Values by number; neighbouring texts become one, so that `''` and `--` are seen whole."""
    merged: list[str | int] = []
    texts: list[str] = []
    number = 0
    for piece in shape:
        if piece is not None:
            texts.append(piece)
            continue
        if texts:
            merged.append("".join(texts))
            texts = []
        merged.append(number)
        number += 1
    if texts:
        merged.append("".join(texts))
    return merged

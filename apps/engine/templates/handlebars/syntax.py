"""The tree a Handlebars text becomes. Text nodes are changed once, by whitespace control; all else stays as parsed."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Strip(NamedTuple):
    """Which sides of a tag carry a tilde."""

    open: bool = False
    close: bool = False


@dataclass(slots=True)
class Text:
    value: str
    original: str
    left_stripped: bool = False
    right_stripped: bool = False


@dataclass(slots=True)
class Path:
    """`a.b`, `../a`, `@index`; `scoped` when it starts with `this`, `.` or `..`, so it can name no helper."""

    parts: tuple[str, ...]
    depth: int
    data: bool
    scoped: bool
    original: str
    offset: int

    @property
    def simple(self) -> bool:
        return len(self.parts) == 1 and not (self.data or self.scoped or self.depth)


@dataclass(slots=True)
class Literal:
    value: Any
    original: str
    offset: int


@dataclass(slots=True)
class Call:
    """A helper call, a block's head, or a lone path or literal when it has no arguments."""

    target: "Path | Literal | Call"
    params: list["Expression"]
    named: dict[str, "Expression"]
    offset: int
    nested: bool = False


Expression = Path | Literal | Call


@dataclass(slots=True)
class Mustache:
    call: Call
    escaped: bool
    strip: Strip


@dataclass(slots=True)
class Comment:
    strip: Strip


@dataclass(slots=True)
class Program:
    body: list["Node"] = field(default_factory=list)
    names: tuple[str, ...] = ()
    chained: bool = False


@dataclass(slots=True)
class Block:
    call: Call
    program: Program | None
    inverse: Program | None
    open_strip: Strip
    inverse_strip: Strip
    close_strip: Strip
    raw: bool = False


Node = Text | Mustache | Comment | Block

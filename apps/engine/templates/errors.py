"""The one error templates raise: what is wrong and where in the text."""

from typing import NamedTuple


class Position(NamedTuple):
    """Counted from 1, as editors do. Jinja knows the line only."""

    line: int
    column: int | None = None

    @classmethod
    def of(cls, text: str, offset: int) -> "Position":
        return cls(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


class TemplateError(Exception):
    """A template that cannot be compiled or rendered; for a flow, the record fails with this message."""

    def __init__(self, message: str, position: Position | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position

    def __str__(self) -> str:
        if self.position is None:
            return self.message
        column = "" if self.position.column is None else f", column {self.position.column}"
        return f"{self.message} (line {self.position.line}{column})"

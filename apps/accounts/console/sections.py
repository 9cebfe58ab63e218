"""The parts of a detail page: facts, tables, documents, or a template of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from apps.accounts.console.display import NOTHING, pretty


class Fact(NamedTuple):
    label: str
    value: Any


@dataclass(frozen=True)
class Section:
    """`template` is rendered with `context` as `section`. `rank` orders sections of several apps, small ones first."""

    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    rank: int = 50
    note: str = ""


def table_section(
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    empty: str = "Nothing here.",
    note: str = "",
    more: str = "",
    more_label: str = "See all",
    rank: int = 50,
) -> Section:
    """`more` is the address of the whole list."""
    shown = [[NOTHING if cell is None or cell == "" else cell for cell in row] for row in rows]
    context = {
        "headers": headers,
        "rows": [list(zip(headers, row, strict=True)) for row in shown],
        "empty": empty,
        "more": more,
        "more_label": more_label,
    }
    return Section(title, "console/sections/table.html", context, rank=rank, note=note)


def document_section(title: str, value: Any, *, rank: int = 80, note: str = "", folded: bool = False) -> Section:
    context = {"text": pretty(value), "folded": folded}
    return Section(title, "console/sections/document.html", context, rank=rank, note=note)

"""What differs between the three databases, behind one small interface. A Driver owns one connection."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Protocol

Row = dict[str, Any]
GRACE_SECONDS = 5.0  # beyond its timeout, until a server that does not end a statement by itself is hung up on
ROW_SECONDS = 1.0  # for each of many rows that are written by one statement


class Driver(Protocol):
    """Raises the library's own errors; `translate` makes them ours."""

    quote: str

    def query(self, statement: str, params: Sequence[Any], *, fetch_size: int) -> Generator[Row, None, None]: ...

    def execute(self, statement: str, params: Sequence[Any]) -> int: ...

    def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> int: ...

    def copy_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int: ...

    def begin(self, *, read_only: bool) -> None: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def ledger_table(self) -> str: ...

    def claim_key(self) -> str: ...

    def is_missing_table(self, error: BaseException) -> bool: ...

    def translate(self, error: BaseException) -> BaseException: ...

    def is_alive(self) -> bool: ...

    def reset(self) -> bool:
        """Make it as new for its next use; False if it is not fit for one."""

    def close(self) -> None: ...

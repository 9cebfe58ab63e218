"""Rows into one table, many at once: COPY or multi-row VALUES, or an upsert on keys."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from apps.core.errors import ValidationError
from apps.core.gateway import InvalidRequest
from apps.core.gateway.sql import Session
from apps.core.gateway.sql.values import quoted
from apps.engine.templates.sql import SqlDialect
from apps.flows.pipeline.scopes import Text

DEFAULT_BATCH = 100
STAGE = re.compile(r"\{\{\{?\s*import\.rdbms\.bulkLoad\.preMergeTemporaryTable\s*\}?\}\}")


@dataclass(frozen=True)
class BulkWriter:
    """`keys` empty: plain inserts. Columns are the top-level names of the mapped records.

    `table` may be a template. `override` is a statement of the document's own, in place of the merge.
    """

    table: Text
    keys: Sequence[str]
    batch_size: int
    override: str = ""

    def at(self, table: str) -> "TableWriter":
        return TableWriter(table, self.keys, self.override)


@dataclass(frozen=True)
class TableWriter:
    table: str
    keys: Sequence[str]
    override: str = ""

    def write(self, session: Session, records: list[Any], merge: Callable[[str], None]) -> None:
        """In the caller's transaction; `merge` executes a statement's text, rendered, in place of ours.

        Raises InvalidRequest for records that are no rows.
        """
        if not records:
            return
        columns = columns_of(records)
        missing = [key for key in self.keys if key not in columns]
        if missing:
            raise InvalidRequest(f"The records have no {missing[0]}, which is a primary key of {self.table}.")
        rows = [tuple(cell(record.get(column)) for column in columns) for record in records]
        if self.override:
            self.merge_by_hand(session, columns, rows, merge)
        elif not self.keys:
            session.copy_rows(self.table, columns, rows)
        elif session.target.engine == "postgresql":
            self.merge(session, columns, rows)
        else:
            session.execute_many(self.upsert(session, columns), rows)

    def merge_by_hand(
        self, session: Session, columns: list[str], rows: list[tuple[Any, ...]], merge: Callable[[str], None]
    ) -> None:
        """The rows into a temporary table like the target, then the document's own statement, which names it."""
        quote = "`" if session.target.engine == "mysql" else '"'
        table, stage = name(self.table, quote), "junction_stage"
        session.execute(f"CREATE TEMPORARY TABLE {stage} AS SELECT * FROM {table} WHERE 1 = 0")  # noqa: S608
        session.copy_rows(stage, columns, rows)
        merge(STAGE.sub(stage, self.override))
        session.execute(f"DROP {'TEMPORARY ' if session.target.engine == 'mysql' else ''}TABLE {stage}")

    def merge(self, session: Session, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        """COPY into a temporary table, then one upsert from it."""
        table, stage = name(self.table, '"'), "junction_stage"
        session.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} ON COMMIT DROP AS SELECT * FROM {table} LIMIT 0")  # noqa: S608
        session.execute(f"DELETE FROM {stage}")  # noqa: S608
        session.copy_rows(stage, columns, rows)
        names = ", ".join(name(column, '"') for column in columns)
        keys = ", ".join(name(key, '"') for key in self.keys)
        update = self.update(columns, quote='"', new="excluded")
        # The last of several rows with one key wins, as it would one by one.
        source = (
            f"SELECT DISTINCT ON ({keys}) {names} FROM (SELECT *, row_number() OVER () AS junction_n FROM {stage}) s"  # noqa: S608
        )
        session.execute(
            f"INSERT INTO {table} ({names}) {source} ORDER BY {keys}, junction_n DESC ON CONFLICT ({keys}) DO {update}"
        )
        session.execute(f"DROP TABLE {stage}")

    def upsert(self, session: Session, columns: list[str]) -> str:
        quote = "`" if session.target.engine == "mysql" else '"'
        names = ", ".join(name(column, quote) for column in columns)
        marks = ", ".join(["%s"] * len(columns))
        insert = f"INSERT INTO {name(self.table, quote)} ({names}) VALUES ({marks})"  # noqa: S608
        if session.target.engine == "mysql":
            own = [c for c in columns if c not in self.keys] or [columns[0]]
            return f"{insert} ON DUPLICATE KEY UPDATE " + ", ".join(
                f"{name(c, quote)} = VALUES({name(c, quote)})" for c in own
            )
        keys = ", ".join(name(key, quote) for key in self.keys)
        return f"{insert} ON CONFLICT ({keys}) DO {self.update(columns, quote=quote, new='excluded')}"

    def update(self, columns: list[str], *, quote: str, new: str) -> str:
        own = [column for column in columns if column not in self.keys]
        if not own:
            return "NOTHING"
        return "UPDATE SET " + ", ".join(f"{name(c, quote)} = {new}.{name(c, quote)}" for c in own)


def sql_dialect(engine: str) -> SqlDialect:
    """The template engine's word for a database's way of quoting."""
    return "postgresql" if engine == "postgresql" else "mysql" if engine == "mysql" else "standard"


def name(text: str, quote: str) -> str:
    """A table or column name, its parts quoted: `sales.orders` is a table of a schema."""
    return quoted(text, quote)


def columns_of(records: list[Any]) -> list[str]:
    """The names of all records, in the order they are first seen."""
    columns: dict[str, None] = {}
    first = records[0]
    if isinstance(first, dict):
        columns = dict.fromkeys(first)
    for record in records:
        if not isinstance(record, dict):
            raise InvalidRequest("A row must be an object of columns.")
        if record.keys() != columns.keys():
            columns |= dict.fromkeys(record)
    return list(columns)


def cell(value: Any) -> Any:
    """A value as a column takes it: nested ones as JSON text."""
    return orjson.dumps(value).decode() if type(value) in (dict, list) else value


def key_columns(mapping: dict[str, Any]) -> list[str]:
    """The fields of a version 1 mapping that find the row that is there already."""
    return [field["generate"] for field in mapping.get("fields") or [] if field.get("isKey")]


def bulk_writer(rdbms: dict[str, Any], kind: str, mapping: dict[str, Any] | None = None) -> BulkWriter:
    """`mapping` may name the keys that bulk_load does not. Raises ValidationError naming what is missing."""
    member = "bulkInsert" if kind == "bulk_insert" else "bulkLoad"
    document = rdbms.get(member) or {}
    table = document.get("tableName")
    if not isinstance(table, str) or not table:
        raise ValidationError("is required", field=f"rdbms.{member}.tableName")
    keys = document.get("primaryKeys") or []
    if isinstance(keys, str):
        keys = [part.strip() for part in keys.split(",") if part.strip()]
    if kind == "bulk_load" and not keys:
        keys = key_columns(mapping or {})
    size = str(document.get("batchSize") or DEFAULT_BATCH if kind == "bulk_insert" else 10_000)
    if not size.isdigit() or int(size) < 1:
        raise ValidationError("must be a number of rows, 1 or more", field=f"rdbms.{member}.batchSize")
    override = ""
    if kind == "bulk_load" and (document.get("overrideMergeQuery") or document.get("overrideMergeOrInsertQuery")):
        override = next((text for text in rdbms.get("query") or [] if isinstance(text, str) and text.strip()), "")
        if not override:
            raise ValidationError("is required by overrideMergeQuery", field="rdbms.query")
    return BulkWriter(table=Text(table), keys=keys, batch_size=int(size), override=override)

"""Reads model instances out of the rows of a hand-written join, and makes changes to several tables in one statement.

For the few paths where a round trip or the compiling of a query counts; everything else uses the ORM.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import psycopg
from django.db import DataError, connection, transaction
from django.db.models import (
    AutoField,
    BigIntegerField,
    BinaryField,
    BooleanField,
    FloatField,
    ForeignKey,
    IntegerField,
    Model,
    OneToOneField,
    UUIDField,
)

ModelT = TypeVar("ModelT", bound=Model)
AS_THEY_ARE = (
    UUIDField,
    ForeignKey,
    OneToOneField,
    BinaryField,
    FloatField,
    IntegerField,
    BigIntegerField,
    BooleanField,
)
VALUES_TOGETHER = 5_000  # more are not worth a statement of their own, and the server takes 65,535 at most
VALUES_AT_ONCE = 10_000  # SQLite takes 32,766 at least
STANDING_IN = "\x01the parameter"


def columns(model: type[Model], alias: str) -> str:
    """`alias.id, alias.name, …`: every column, in the order in which `instance` takes their values."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def find_row(model: type[ModelT], key: Any) -> ModelT | None:
    """By its primary key, as `.filter(pk=key).first()` would."""
    pk = model._meta.pk
    rows = run_prepared(_by_key(model), [pk.get_db_prep_value(key, connection)])
    return instance(model, rows[0]) if rows else None


def find_rows(model: type[ModelT], keys: Sequence[Any]) -> dict[Any, ModelT]:
    """Those that are there, by their primary keys, as `.in_bulk(keys)` would."""
    if connection.vendor != "postgresql":
        return model._default_manager.in_bulk(keys)
    found = [instance(model, row) for row in run_prepared(_by_keys(model), [list(keys)])] if keys else []
    return {one.pk: one for one in found if one is not None}


@cache
def _by_keys(model: type[Model]) -> str:
    return f'SELECT {columns(model, "t")} FROM "{model._meta.db_table}" t WHERE t."{model._meta.pk.column}" = ANY(%s)'


@cache
def _by_key(model: type[Model]) -> str:
    return f'SELECT {columns(model, "t")} FROM "{model._meta.db_table}" t WHERE t."{model._meta.pk.column}" = %s'


def width(model: type[Model]) -> int:
    return len(model._meta.concrete_fields)


def instance(model: type[ModelT], values: Sequence[Any]) -> ModelT | None:
    """What the ORM would have made of these columns; None where an outer join found nothing."""
    if values[0] is None:
        return None
    names, converters = _reading(model, connection.vendor)
    read = list(values)
    for index, column, chain in converters:
        for convert in chain:
            read[index] = convert(read[index], column, connection)
    return model.from_db("default", names, read)


@cache
def _reading(model: type[Model], vendor: str) -> tuple[list[str], list[tuple[int, Any, list[Any]]]]:
    """The names of the columns' attributes, and the converters of those that have any."""
    fields = model._meta.concrete_fields
    table = model._meta.db_table
    found = []
    for index, field in enumerate(fields):
        column = field.get_col(table)
        chain = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
        if chain:
            found.append((index, column, chain))
    return [field.attname for field in fields], found


@dataclass(frozen=True)
class Statement:
    """Part of a change that is made in one round trip. `expects`: how many rows it must meet, else all is undone.

    One that `reads` is a SELECT, which changes nothing: what it finds decides. `rows` tells how an insertion of many
    can be cut into several: its beginning, the marks of a row, and its end.
    """

    sql: str
    params: Sequence[Any]
    expects: int | None = None
    reads: bool = False
    rows: tuple[str, str, str] | None = None

    def pieces(self) -> "list[Statement]":
        """What does the same, each with a number of values that every database takes."""
        if self.rows is None or len(self.params) <= VALUES_AT_ONCE:
            return [self]
        into, row, end = self.rows
        width = row.count("%s")
        step = VALUES_AT_ONCE // width * width
        parts = [self.params[first : first + step] for first in range(0, len(self.params), step)]
        return [Statement(f"{into}{', '.join([row] * (len(part) // width))}{end}", part) for part in parts]


class UnexpectedRowsError(Exception):
    """A statement met another number of rows than it must: nothing was changed."""


def insertion(rows: Sequence[Model], *, end: str = "") -> Statement:
    """Of new rows of one model; `end` may say what becomes of those that are there already."""
    into, row, plan = _writing(type(rows[0]), connection.vendor)
    values = [
        getattr(one, name) if field is None else field.get_db_prep_save(field.pre_save(one, True), connection)
        for one in rows
        for name, field in plan
    ]
    return inserting(f"{into} VALUES ", row, values, end=end)


def inserting(into: str, row: str, values: Sequence[Any], *, end: str = "") -> Statement:
    """`row` has the marks of one row, `values` are those of all."""
    count = len(values) // row.count("%s")
    return Statement(f"{into}{', '.join([row] * count)}{end}", values, rows=(into, row, end))


def execute(statements: Sequence[Statement]) -> None:
    """One after another, in the caller's transaction."""
    with connection.cursor() as cursor:
        for statement in statements:
            for piece in statement.pieces():
                cursor.execute(piece.sql, piece.params)
                met = len(cursor.fetchall()) if piece.reads else cursor.rowcount
                if piece.expects not in (None, met):
                    raise UnexpectedRowsError


@cache
def _writing(model: type[Model], vendor: str) -> tuple[str, str, list[tuple[str, Any]]]:
    """How its insertion begins, the marks of a row, and each column's attribute with its field where that must prepare
    the value; PostgreSQL's driver takes ids, bytes and numbers as they are."""
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]
    names = ", ".join(f'"{field.column}"' for field in fields)
    as_they_are = AS_THEY_ARE if vendor == "postgresql" else ()
    plan = [(field.attname, None if type(field) in as_they_are else field) for field in fields]
    return f'INSERT INTO "{model._meta.db_table}" ({names})', f"({', '.join(['%s'] * len(fields))})", plan


def change_together(statements: Sequence[Statement]) -> None:
    """All or nothing, commit included. On PostgreSQL it is one statement, so none may meet another's new rows."""
    if connection.vendor != "postgresql" or sum(len(one.params) for one in statements) > VALUES_TOGETHER:
        with transaction.atomic():
            execute(statements)
        return
    parts = []
    for number, statement in enumerate(statements):
        returning = " RETURNING 1" if statement.expects is not None and not statement.reads else ""
        parts.append(f"s{number} AS ({statement.sql}{returning})")
    wanted = [(n, one.expects) for n, one in enumerate(statements) if one.expects is not None]
    right = " AND ".join(f"(SELECT count(*) FROM s{n}) = {int(expects)}" for n, expects in wanted) or "true"
    # A division by zero is what undoes a statement from inside it.
    whole = f"WITH {', '.join(parts)} SELECT 1 / CASE WHEN {right} THEN 1 ELSE 0 END"
    # A savepoint where there is a transaction: what is undone must not take the rest of it along.
    within = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with within:
            run_prepared(whole, [value for statement in statements for value in statement.params])
    except DataError as error:
        if isinstance(error.__cause__, psycopg.errors.DivisionByZero):
            raise UnexpectedRowsError from None
        raise


def run_prepared(statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Executes a statement that the server parses and plans once per connection; answers its rows."""
    if connection.vendor != "postgresql" or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            return list(cursor.fetchall()) if cursor.description else []
    with connection.cursor(), connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, params, prepare=True)
        return list(cursor.fetchall()) if cursor.pgresult and cursor.pgresult.nfields else []


class Compiled:
    """A query that the ORM compiles once a process. `make(value)` gives a `values_list` query of one parameter."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self.make = make
        self._known: tuple[str, tuple[Any, ...]] | None = None

    def rows(self, value: Any) -> list[tuple[Any, ...]]:
        if connection.vendor != "postgresql":
            return list(self.make(value))
        if self._known is None:
            self._known = self.make(STANDING_IN).query.sql_with_params()
        statement, params = self._known
        return run_prepared(statement, [value if param == STANDING_IN else param for param in params])

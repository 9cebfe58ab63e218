"""Where a SQL connection leads: structured fields only. There is no DSN whose options could reach past the guard."""

from __future__ import annotations

import hashlib
import re
from dataclasses import astuple, dataclass, field
from typing import Literal

from ..context import Tls
from ..errors import Category, InvalidRequest

Engine = Literal["postgresql", "mysql", "sqlite"]
SslMode = Literal["disable", "prefer", "require", "verify"]

_DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306, "sqlite": 0}


@dataclass(frozen=True, slots=True)
class SqlTarget:
    """`database` of a SQLite target is a path below the organization's folder. MariaDB is `mysql`.

    `ssl` says how much: `require` encrypts without asking who answers, `verify` checks certificate and name.
    """

    engine: Engine
    database: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    ssl: SslMode = "prefer"
    tls: Tls = field(default=Tls(), repr=False)
    statement_timeout: float = 60.0
    connect_timeout: float = 10.0

    def __post_init__(self) -> None:
        if self.engine not in _DEFAULT_PORTS:
            raise InvalidRequest(f"{self.engine!r} is not a database that can be reached.", category=_MEND)
        if self.ssl not in ("disable", "prefer", "require", "verify"):
            raise InvalidRequest(f"ssl: {self.ssl!r} is none of disable, prefer, require, verify.", category=_MEND)
        for name in ("host", "database", "user", "password"):
            if "\0" in getattr(self, name):
                raise InvalidRequest(f"{name} holds a NUL character.", category=_MEND)
        if self.engine != "sqlite" and not 0 <= self.port <= 65535:
            raise InvalidRequest(f"{self.port} is not a port.", category=_MEND)
        if not self.database:
            raise InvalidRequest("database is missing.", category=_MEND)

    @property
    def real_port(self) -> int:
        return self.port or _DEFAULT_PORTS[self.engine]

    @property
    def url(self) -> str:
        """For people: no user, no password."""
        place = "" if self.engine == "sqlite" else f"{self.host}:{self.real_port}/"
        return f"{self.engine}://{place}{self.database}"

    @property
    def fingerprint(self) -> str:
        """Equal for targets that may share a pool."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()


_MEND = Category.CONFIGURATION

_OPENING = re.compile(r"""(?P<text>'|\$\w*+\$)|(?P<name>["`])|(?P<note>--|/\*|\#)""")
_CLOSING = {
    "'": re.compile(r"[^'\\]*+(?:(?:''|\\.)[^'\\]*+)*+'", re.DOTALL),
    '"': re.compile(r'[^"]*+(?:""[^"]*+)*+"'),
    "`": re.compile("[^`]*+`"),
    "--": re.compile(r"[^\n]*+"),
    "#": re.compile(r"[^\n]*+"),
}
_RUNS_ANYWAY = re.compile(r"/\*M?!")  # MySQL and MariaDB execute what such a comment holds
_INSTEAD = {"text": "''", "name": '"x"', "note": " "}
_COPY = re.compile(r"\bCOPY\b", re.IGNORECASE)
_COPY_WHERE = re.compile(r"\b(?:FROM|TO)\s+(?:PROGRAM\b|'|E'|STDIN\b|STDOUT\b)", re.IGNORECASE)
_FORBIDDEN = re.compile(
    r"\bLOAD\s+(?:DATA|XML)\b"
    r"|\bINTO\s+(?:OUTFILE|DUMPFILE)\b|\bLOAD_FILE\s*\(|\b(?:pg_read_(?:binary_)?file|pg_ls_dir|lo_import|lo_export)\s*\("
    r"|\bLOAD\s+'|\bSET\s+(?:SESSION\s+)?(?:ROLE|AUTHORIZATION)\b",
    re.IGNORECASE,
)
_TRANSACTION = re.compile(
    r"(?:\A|;)\s*(?:BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION|SAVEPOINT|RELEASE|XA)\b",
    re.IGNORECASE,
)


def _copies(statement: str) -> bool:
    begins = _COPY.search(statement)
    return begins is not None and _COPY_WHERE.search(statement, begins.end()) is not None


def _without_literals(statement: str) -> str:
    """Each text, quoted name and comment by something short. What is not closed stays as it is, with all behind it."""
    pieces: list[str] = []
    position = 0
    while opening := _OPENING.search(statement, position):
        kind, mark = str(opening.lastgroup), opening[0]
        if pattern := _CLOSING.get(mark):
            closing = pattern.match(statement, opening.end())
            end = closing.end() if closing else -1
        elif _RUNS_ANYWAY.match(statement, opening.start()):
            end = opening.end()
        else:
            mark = "*/" if mark == "/*" else mark
            end = statement.find(mark, opening.end())
            end = end + len(mark) if end >= 0 else -1
        if end < 0:
            break
        pieces += (statement[position : opening.start()], _INSTEAD[kind])
        position = end
    return "".join(pieces) + statement[position:]


def refuse_forbidden(statement: str, *, in_transaction: bool) -> None:
    """InvalidRequest for statements that touch the database server's files or programs, or end our transaction.

    A net, not a wall: a superuser can build such a statement out of sight. The target's account should not be one.
    """
    bare = _without_literals(statement)
    found = _FORBIDDEN.search(bare)
    copied = next((part for part in bare.split(";") if _copies(part)), None)
    if found or copied:
        words = " ".join(found[0].split()) if found else "COPY"
        raise InvalidRequest(f"The statement reaches the database server's files or programs ({words!r}): refused.")
    if in_transaction and (found := _TRANSACTION.search(bare)):
        raise InvalidRequest(f"The statement controls the transaction ({found[0].strip(' ;')}), which is ours to end.")

"""Whether a database error means "not now": told to callers as 503, with what the operator has to see to.

The surprise: Django's OperationalError says too little. SQLite raises it for a missing column as well, which is a fault
of ours and must not be taken for bad weather; so the driver's own code decides.
"""

import sqlite3
from typing import Any

from django.db import Error, InterfaceError, OperationalError

AWAY = "The database cannot be reached just now. Try again in a moment."
RETRY_SECONDS = 5
# Classes and codes of PostgreSQL, in its manual's appendix A.
BUSY = "The database is too busy just now. Try again in a moment."
FULL = "The database's disk is full: nothing can be stored until the operator makes room."
READ_ONLY = "The database takes no changes just now: it is read-only."
BROKEN = "The database's disk cannot be read or written. The operator's log says more."
SQLSTATES = {
    "53100": FULL, "53200": BUSY, "53300": "The database has no connection left just now. Try again in a moment.",
    "40001": BUSY, "40P01": BUSY, "55P03": BUSY, "57014": BUSY, "25006": READ_ONLY, "58030": BROKEN,
}  # fmt: skip
CLASSES = {"08": AWAY, "57": AWAY, "53": BUSY}
SQLITE = {
    sqlite3.SQLITE_BUSY: BUSY, sqlite3.SQLITE_LOCKED: BUSY, sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY, sqlite3.SQLITE_IOERR: BROKEN, sqlite3.SQLITE_CANTOPEN: BROKEN,
}  # fmt: skip


def why_unavailable(error: BaseException | None) -> str:
    """A sentence for callers, or nothing where the error is no outage."""
    if not isinstance(error, Error):
        return ""
    cause: Any = error.__cause__
    number = getattr(cause, "sqlite_errorcode", None)
    if number is not None:
        return SQLITE.get(number & 0xFF, "")  # the upper bits are details
    if isinstance(cause, sqlite3.Error):
        return ""
    state = getattr(cause, "sqlstate", None)
    if state:
        return SQLSTATES.get(state, CLASSES.get(state[:2], ""))
    return AWAY if isinstance(error, OperationalError | InterfaceError) else ""

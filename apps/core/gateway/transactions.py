"""No outside call inside a database transaction: a slow target would hold locks and a rollback could not undo it."""

from __future__ import annotations

from django.db import connections

from .errors import InTransaction


def refuse_in_transaction() -> None:
    """Raise InTransaction inside `atomic`. The block that a TestCase wraps around each test does not count."""
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block and any(
            not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks
        ):
            raise InTransaction(
                f"An outside call was made inside a transaction on {connection.alias!r}. Commit first, then call."
            )

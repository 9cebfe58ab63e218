"""An execution and what it has started: a cancel reaches all of it, and nothing is started for one being canceled.

The surprise: both sides lock the parent first. So whoever starts a child has committed it before a cancel looks, or
sees the cancel. A retry shares its parent's root: it is a person's own doing, and no part of the family.
"""

import uuid
from collections.abc import Collection, Sequence

from django.db.models import F

from apps.core.errors import ConflictError
from apps.executions.models import TERMINAL, Execution, State

CANCELED_CODE = "canceled"  # of the error that a write meets once its execution is being canceled


def hold_parents(parent_ids: Collection[uuid.UUID]) -> None:
    """Before children are made, in their transaction. Raises ConflictError where a parent is being canceled."""
    rows = Execution.objects.select_for_update(no_key=True).filter(pk__in=parent_ids).order_by("pk")
    if State.CANCELING in rows.values_list("state", flat=True):
        raise ConflictError("The execution was canceled.", code=CANCELED_CODE)


def cancel_below(execution: Execution, *, by: str) -> list[Execution]:
    """Marks all that it has started and that has not ended, and what that has started; answers those it has marked.

    In a transaction that holds the execution. What has ended is left alone, and so is what it has started. Their work
    must be touched after this only: an execution that ends holds its row, then wants its parent's work.
    """
    marked: list[Execution] = []
    above: Sequence[uuid.UUID] = [execution.id]
    while above:
        rows = Execution.objects.select_for_update().filter(parent_id__in=above, root_id=F("pk"))
        found = list(rows.exclude(state__in=TERMINAL).order_by("pk"))
        above = [row.id for row in found]
        new = [row for row in found if row.state != State.CANCELING]
        Execution.objects.filter(pk__in=[row.id for row in new]).update(state=State.CANCELING, canceled_by=by)
        for row in new:
            row.state, row.canceled_by = State.CANCELING, by
        marked += new
    return marked

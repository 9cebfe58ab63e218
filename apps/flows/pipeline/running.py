"""The execution kind `flow`: a run that reads its sources, or one whose pages a plan has kept."""

from django.db import transaction

from apps.core.ids import new_id
from apps.executions.kinds import Run
from apps.executions.models import Execution
from apps.executions.payloads import pack
from apps.flows.models import Page, PagePayload
from apps.flows.pipeline import coordinator, pages, plans
from apps.flows.pipeline.book import Book
from apps.work import services as work


def run(turn: Run) -> None:
    book = plans.of(turn.execution).book
    if isinstance(book, Book) and not turn.execution.done_exporting:
        make_pages(turn, book)
    coordinator.run(turn)


def make_pages(turn: Run, book: Book) -> None:
    """Its pages, each record before the first write that is sent as it was planned."""
    execution = turn.execution
    rows: list[Page] = []
    payloads: list[PagePayload] = []
    for generator, number in sorted(book.pages):
        places = book.first_places(generator, number)
        if not places:
            continue
        row = Page(
            id=new_id(), execution=execution, organization_id=execution.organization_id, generator=generator,
            number=number, record_count=len(places),
        )  # fmt: skip
        rows.append(row)
        keys, at, records = zip(*places, strict=True)
        payloads.append(
            PagePayload(page=row, number=1, data=pack({"records": list(records), "keys": list(keys), "at": list(at)}))
        )
    with transaction.atomic():
        work.progress([turn.claim])
        Page.objects.bulk_create(rows)
        PagePayload.objects.bulk_create(payloads)
        work.add_many(
            kind=pages.WORK, lane=turn.claim.lane, organization_id=execution.organization_id,
            target_ids=[row.id for row in rows], group_id=execution.id,
        )  # fmt: skip
        Execution.objects.filter(pk=execution.pk).update(done_exporting=True, pages_generated=len(rows))
    execution.done_exporting = True

"""The export side of a run: reads a source, shapes its records, cuts them into pages.

The surprise: a generator's progress is one value (`Progress`) that holds the carry too, the records read and not yet
in a page, so that cursor and pages commit together and a killed worker loses and repeats nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.core.clock import now
from apps.core.errors import DomainError
from apps.engine.json_values import why_unkeepable
from apps.engine.paths import Getter
from apps.engine.records import PageCutter
from apps.flows.pipeline.once import OnceRunner, unread
from apps.flows.pipeline.scripts import SavePage
from apps.flows.pipeline.sources import Source
from apps.flows.pipeline.sources.files import FileSource
from apps.flows.pipeline.steps import Failure

Shape = Callable[[list[Any]], tuple[list[Any], list[tuple[Any, Failure]]]]


@dataclass(frozen=True)
class GeneratorPlan:
    """One page generator. `shape` transforms and filters; `save_page` is its preSavePage hook, None without one.

    `once` marks records at their source when their page is through; `is_read` is the flag of those that were.
    """

    index: int
    key: str
    resource_id: Any
    source: Source
    shape: Shape | None
    cutter: PageCutter
    save_page: SavePage | None
    trace_key: Callable[[Any], str]
    limit: int | None
    delta: bool
    once: OnceRunner | None = None
    is_read: Getter | None = None


@dataclass
class Progress:
    """JSON-shaped in the generator's step row. `number` counts pages, `tries` the waits for a failing source.

    `cursor` is None before the source is asked, and empty at its end: one that ended early still says how far it came.

    `files` is [file, how many records of it] of the records that are in no page yet, where a hook asks for that.
    """

    cursor: dict[str, Any] | None = None
    carry: Any = None
    number: int = 0
    records: int = 0
    tries: int = 0
    done: bool = False
    began: str = ""
    retry_at: str = ""
    files: list[list[Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass
class Generated:
    """Pages cut in one go, and what the records that made no page of it died of."""

    pages: list[list[Any]] = field(default_factory=list)
    failures: list[tuple[Any, Failure]] = field(default_factory=list)


def generate(plan: GeneratorPlan, progress: Progress, *, room: int, seconds: float = 0.25) -> Generated:
    """Reads on until `room` pages are cut, the source ends or wants a commit, or the time is up."""
    made, ends = Generated(), time.monotonic() + seconds
    if progress.cursor is None:
        progress.cursor, progress.began = plan.source.start(), now().isoformat()
    first, begun = progress.number, progress.cursor
    while not progress.done:
        try:
            fetched = plan.source.fetch(progress.cursor)
        except DomainError:
            if progress.cursor is not begun:
                break  # what was read before it is committed first; the next turn meets the error again
            raise
        progress.tries, progress.retry_at = 0, ""
        records = fetched.records if plan.is_read is None else unread(fetched.records, plan.is_read)
        left_over = False
        if plan.limit is not None:
            left_over = len(records) > plan.limit - progress.records
            records = records[: plan.limit - progress.records]
        progress.records += len(records)
        full = plan.limit is not None and progress.records >= plan.limit
        made.failures += fetched.failures
        if plan.shape is not None:
            records, failures = plan.shape(records)
            made.failures += failures
        records = keepable(records, made)
        if plan.save_page is not None and fetched.file is not None and records:
            progress.files = [*progress.files, [fetched.file, len(records)]]
        ended = fetched.cursor is None or full
        cut = plan.cutter.cut(records, progress.carry, last=ended)
        progress.carry = cut.carry
        for page in cut.pages:
            keep_page(plan, progress, made, page)
        progress.done = progress.done or ended
        if progress.done and progress.carry:  # an abort: no page is made of these
            progress.carry, left_over = None, True
        if not left_over:  # what was read in part is not behind the cursor
            progress.cursor = {} if fetched.cursor is None else fetched.cursor
        if fetched.commit_first or progress.number - first >= room or time.monotonic() > ends:
            break
    return made


def cut_short(plan: GeneratorPlan, progress: Progress) -> Generated:
    """The source has failed for good: what was read of it still becomes pages."""
    made = Generated()
    cut = plan.cutter.cut([], progress.carry, last=True)
    progress.carry = cut.carry
    for page in cut.pages:
        keep_page(plan, progress, made, page)
    progress.done = True
    return made


def put_away_rest(plan: GeneratorPlan, progress: Progress) -> bool:
    """Files whose records are pages by now, and that still waited for others to leave together. False without any."""
    waiting = (progress.cursor or {}).get("done")
    if not waiting or not isinstance(plan.source, FileSource):
        return False
    plan.source.put_away(waiting)
    return True


def keep_page(plan: GeneratorPlan, progress: Progress, made: Generated, page: list[Any]) -> None:
    if plan.save_page is not None:
        page, failures, abort = plan.save_page(page, progress.number, files_of(plan, progress, page))
        made.failures += failures
        progress.done = progress.done or abort
        page = keepable(page, made)
    if page:
        made.pages.append(page)
        progress.number += 1


def files_of(plan: GeneratorPlan, progress: Progress, page: list[Any]) -> list[Any] | None:
    """The file of each record of a page, of a group that of its first row; they leave the progress."""
    if not progress.files:
        return None
    left = [list(one) for one in progress.files]
    found: list[Any] = []
    for record in page:
        found.append({"fileMeta": left[0][0]} if left else {})
        rows = len(record) if plan.cutter.group_by else 1
        while rows and left:
            taken = min(rows, left[0][1])
            left[0][1], rows = left[0][1] - taken, rows - taken
            if not left[0][1]:
                left.pop(0)
    progress.files = left
    return found


def keepable(records: list[Any], made: Generated) -> list[Any]:
    """Those that a page can hold; the others fail each for itself."""
    if not why_unkeepable(records):
        return records
    kept = []
    for record in records:
        if why := why_unkeepable(record):
            made.failures.append((None, Failure(source="application", code="unkeepable", message=f"A record {why}.")))
        else:
            kept.append(record)
    return kept


def retry_wait(progress: Progress, waits: tuple[float, ...]) -> float | None:
    """Seconds until a failing source is tried again, None when it has been tried often enough."""
    if progress.tries >= len(waits):
        return None
    progress.tries += 1
    return waits[progress.tries - 1]

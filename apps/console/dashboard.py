"""What an operator sees first: what failed and why, what runs, what waits, whether anybody works.

A fixed number of queries, each over an index and cut: nothing here grows with an organization's history.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from apps.accounts.console.display import NOTHING, ago, badge, link, moment, span
from apps.accounts.console.names import address_of, links_to, list_url, may_somewhere
from apps.accounts.console.sections import Section, table_section
from apps.alarms.models import Alarm, Firing
from apps.connections.resource import CONNECTIONS
from apps.core import clock
from apps.core.actors import Actor, Role, Verb
from apps.core.ids import id_floor
from apps.executions.jobs import tallies_of
from apps.executions.models import TERMINAL, Execution, RecordError, State
from apps.executions.summaries import ending, kind_of, outcome_of, records
from apps.schedules.models import Schedule
from apps.work.models import Lane, Node, WorkItem
from apps.work.nodes import ALIVE_SECONDS

ROWS = 10
COUNTED = 1000  # beyond that a number helps nobody: it reads "1000+"
DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Card:
    label: str
    value: str
    url: str = ""
    alarm: bool = False


@dataclass
class Panels:
    cards: list[Card] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    warning: str = ""


def capped(number: int) -> str:
    return f"{COUNTED}+" if number >= COUNTED else str(number)


def dashboard(actor: Actor) -> Panels:
    now, panels = clock.now(), Panels()
    add_failed(panels, actor, now)
    add_alarms(panels, actor)
    add_errors(panels, actor)
    add_running(panels, actor, now)
    add_work(panels, actor, now)
    add_offline(panels, actor)
    add_schedules(panels, actor, now)
    add_nodes(panels, actor, now)
    return panels


def add_failed(panels: Panels, actor: Actor, now: datetime) -> None:
    recent = Execution.objects.for_actor(actor).filter(pk__gte=id_floor(now - DAY))
    failed = list(recent.filter(Q(state=State.FAILED) | Q(error_count__gt=0)).order_by("-id")[:COUNTED])
    tallies = tallies_of(failed[:ROWS])
    rows = [
        [
            link(address_of(row), row.target_name or row.hex_id),
            kind_of(row),
            badge(outcome_of(row, row.error_count)),
            ending(row, tallies.runs[row.id])[:240],
            records(row, tallies.runs[row.id]),
            tallies.runs[row.id].open_errors or "none",
            moment(row.ended_at or row.created_at),
        ]
        for row in failed[:ROWS]
    ]
    panels.cards.append(
        Card(
            "failed or with failed records, 24 h",
            capped(len(failed)),
            list_url(Execution, "?state=trouble&when=24h"),
            bool(failed),
        )
    )
    headers = ["Execution", "Kind", "State", "Why", "Records", "Open errors", "When"]
    more = list_url(Execution, "?state=trouble&when=24h") if len(failed) > ROWS else ""
    panels.sections.append(
        table_section("Failed in the last 24 hours", headers, rows, empty="Nothing failed.", more=more)
    )


def add_alarms(panels: Panels, actor: Actor) -> None:
    """What fires at the moment, of the alarms that the person may see."""
    alarms = Alarm.objects.for_actor(actor)
    firing = Firing.objects.filter(alarm__in=alarms, ended_at=None).order_by("-id").select_related("alarm")
    found = list(firing.defer("subjects", "alarm__document", "alarm__secret")[:COUNTED])
    panels.cards.append(Card("alarms firing", capped(len(found)), list_url(Alarm, "?state=firing"), bool(found)))
    if found:
        rows = [[link(address_of(one.alarm), one.alarm.name), one.title, ago(one.since)] for one in found[:ROWS]]
        panels.sections.append(table_section("Alarms firing", ["Alarm", "Of", "Since"], rows))


def add_errors(panels: Panels, actor: Actor) -> None:
    newest = RecordError.objects.for_actor(actor).open().order_by("-id").values_list("flow_id", flat=True)[:COUNTED]
    by_flow = Counter(newest)
    total = sum(by_flow.values())
    names = links_to(actor, [("flow", flow_id) for flow_id, _ in by_flow.most_common(ROWS)])
    rows = [
        [names[("flow", flow_id)], link(list_url(RecordError, f"?flow_id={flow_id}"), f"{capped(count)} open")]
        for flow_id, count in by_flow.most_common(ROWS)
    ]
    panels.cards.append(Card("open record errors", capped(total), list_url(RecordError), bool(total)))
    note = f"Of the newest {COUNTED}." if total >= COUNTED else ""
    panels.sections.append(
        table_section("Open record errors", ["Flow", "Errors"], rows, empty="No record error is open.", note=note)
    )


def add_running(panels: Panels, actor: Actor, now: datetime) -> None:
    running = list(Execution.objects.for_actor(actor).exclude(state__in=TERMINAL).order_by("-id")[:COUNTED])
    tallies = tallies_of(running[:ROWS])
    rows = [
        [
            link(address_of(row), row.target_name or row.hex_id),
            kind_of(row),
            badge(row.state),
            records(row, tallies.runs[row.id]),
            span(now - row.started_at) if row.started_at else NOTHING,
        ]
        for row in running[:ROWS]
    ]
    panels.cards.append(Card("running or queued", capped(len(running)), list_url(Execution, "?state=open")))
    headers = ["Execution", "Kind", "State", "Records", "For"]
    panels.sections.append(table_section("Running now", headers, rows, empty="Nothing runs."))


def add_work(panels: Panels, actor: Actor, now: datetime) -> None:
    """Work nobody holds, by lane: how much, and since when the oldest is due."""
    rows: list[list[Any]] = []
    for lane in Lane.values:
        waiting = WorkItem.objects.for_actor(actor).filter(lane=lane, parked_on="", lease_until__isnull=True)
        due = list(waiting.filter(due_at__lte=now).order_by("due_at").values_list("due_at", flat=True)[:COUNTED])
        if due:
            rows.append([link(list_url(WorkItem, f"?in={lane}"), lane), capped(len(due)), span(now - due[0])])
    panels.sections.append(
        table_section(
            "Work that is due", ["Lane", "Items", "Oldest waits for"], rows, empty="No work waits for a worker."
        )
    )


def add_offline(panels: Panels, actor: Actor) -> None:
    if not may_somewhere(actor, Verb.SECRETS):
        return
    offline = CONNECTIONS.listed(actor).filter(offline_since__isnull=False).defer("document", "secret")
    found = list(offline.prefetch_related(None).order_by("-id")[:ROWS])
    if found:
        rows = [[link(address_of(row), row.name), ago(row.offline_since), row.offline_reason] for row in found]
        panels.sections.append(table_section("Offline connections", ["Connection", "Since", "Why"], rows))


def add_schedules(panels: Panels, actor: Actor, now: datetime) -> None:
    upcoming = Schedule.objects.for_actor(actor).filter(enabled=True, next_due_at__isnull=False)
    found = list(upcoming.order_by("next_due_at", "id")[:ROWS])
    names = links_to(actor, {(row.target_kind, row.target_id) for row in found})
    rows = [
        [
            names[(row.target_kind, row.target_id)],
            link(address_of(row), row.expression),
            row.timezone,
            moment(row.next_due_at),
            ago(row.next_due_at, now=now),
        ]
        for row in found
    ]
    headers = ["Starts", "Schedule", "Zone", "Next, in your zone", ""]
    panels.sections.append(table_section("Next schedules", headers, rows, empty="Nothing is scheduled."))


def add_nodes(panels: Panels, actor: Actor, now: datetime) -> None:
    """Names of machines are for owners and administrators; whether somebody works is for all."""
    nodes = list(Node.objects.filter(seen_at__gte=now - timedelta(seconds=ALIVE_SECONDS)).order_by("name")[:COUNTED])
    workers = [node for node in nodes if "worker" in node.roles]
    schedulers = [node for node in nodes if "scheduler" in node.roles]
    panels.cards.append(Card("living workers", str(len(workers)), alarm=not workers))
    if not workers:
        panels.warning = "No worker lives: executions are accepted, and wait until one is started."
    elif not schedulers:
        panels.warning = "No scheduler lives: schedules do not fire, and waits do not end."
    if actor.role in (Role.OWNER, Role.ADMINISTRATOR):
        rows = [
            [node.name, node.roles, node.lanes, ago(node.started_at, now=now), ago(node.seen_at, now=now)]
            for node in nodes
        ]
        headers = ["Node", "Does", "Lanes", "Started", "Seen"]
        panels.sections.append(table_section("Living nodes", headers, rows, empty="None."))

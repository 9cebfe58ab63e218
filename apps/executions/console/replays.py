"""Replays in the console: a button on what has ended, and the page that tells what differs."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from apps.accounts.console import Button, Outcome, add_buttons, add_sections, table_section
from apps.accounts.console.display import NOTHING, badge, code, pretty
from apps.accounts.console.names import address_of
from apps.accounts.console.sections import Section
from apps.core.actors import Actor, Verb
from apps.executions import kinds
from apps.executions.models import Execution, Mode
from apps.executions.replaying import KIND, Wanted, replay_execution, shown_replay

ROWS_SHOWN = 100


def replay_own(actor: Actor, row: Execution) -> Outcome:
    return replayed(replay_execution(actor=actor, execution=row, wanted=Wanted()))


def replay_current(actor: Actor, row: Execution) -> Outcome:
    return replayed(replay_execution(actor=actor, execution=row, wanted=Wanted(document="current")))


def replayed(row: Execution) -> Outcome:
    same = (shown_replay(row).get("replay") or {}).get("same")
    return Outcome("Nothing differs." if same else "It differs: see below.", url=address_of(row))


def may_be_replayed(row: Execution) -> bool:
    return row.is_terminal and row.mode == Mode.LIVE and kinds.get(row.kind).replay is not None


def replay_sections(request: HttpRequest, actor: Actor, row: Execution) -> Iterable[Section]:
    told = shown_replay(row).get("replay") if row.kind == KIND else None
    if not told:
        return
    against = ", ".join(f"{name} {value}" for name, value in told["against"].items() if value is not None)
    requests = told["requests"]
    numbers = [
        ["Against", against],
        ["Outcome", badge("same" if told["same"] else "different", look="success" if told["same"] else "warning")],
        ["Requests as before", requests["unchanged"]],
        ["Not in the recording, and not sent", requests["unrecorded"]],
    ]
    yield table_section(
        "Replay", ["What", "Value"], numbers, note="Nothing went out: it ran on recorded answers.", rank=3
    )
    yield changes_section(told)
    for name, title in (("added", "Requests that came"), ("removed", "Requests that went")):
        if requests[name]:
            rows = [[f"{one['method']} {one['url']}", code(pretty(one["body"])), one["step"]] for one in requests[name]]
            yield table_section(title, ["Request", "Body", "Step"], rows, rank=7)


def changes_section(told: dict[str, Any]) -> Section:
    rows: list[list[Any]] = []
    for one in told["requests"]["changed"]:
        where = f"{one['method']} {one['url']}"
        rows += [[where, field["fieldPath"], *values(field)] for field in one["fields"]]
    for name in ("reason", "counts", "output"):
        rows += [[name, field["fieldPath"], *values(field)] for field in told.get(name) or []]
    for name in ("added", "removed"):
        for fault in (told.get("failures") or {}).get(name) or []:
            side = [NOTHING, fault["message"]] if name == "added" else [fault["message"], NOTHING]
            rows.append([f"failure of {fault['traceKey'] or 'a record'}", fault["step"], *side])
    headers = ["What", "Member", "Before", "Now"]
    return table_section("Differences", headers, rows[:ROWS_SHOWN], empty="Nothing differs.", rank=5)


def values(field: dict[str, Any]) -> list[Any]:
    return [code(pretty(field[side])) if side in field else NOTHING for side in ("oldValue", "newValue")]


add_buttons(
    Execution,
    Button("replay", "Replay", replay_own, Verb.RUN, icon="history", shown=may_be_replayed),
    Button(
        "replay_current", "Replay on the flow as it is", replay_current, Verb.RUN, icon="difference",
        shown=lambda row: row.kind == "flow" and may_be_replayed(row),
    ),
)  # fmt: skip
add_sections(Execution, replay_sections)

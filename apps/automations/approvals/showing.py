"""What would run, in words: for the mail, the page behind its links, and the console."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.accounts.console.display import pretty
from apps.automations.approvals.models import Approval
from apps.executions.payloads import unpack

LONGEST = 2000
SILENCE = {"approve": "it is approved by itself", "reject": "it is rejected", "fail": "the run fails"}


@dataclass(frozen=True)
class ShownAction:
    """One action of the list: what it is called, its kind, what it says of itself, and its arguments as written."""

    title: str
    kind: str
    description: str
    args: str


@dataclass(frozen=True)
class Shown:
    """`values`: (name, text) of what the run was started with and of the automation's constants."""

    description: str
    values: list[tuple[str, str]]
    actions: list[ShownAction]


def plan_of(approval: Approval) -> dict[str, Any]:
    found = unpack(approval.plan, default={})
    return found if isinstance(found, dict) else {}


def shown(approval: Approval) -> Shown:
    plan = plan_of(approval)
    values = [*told_of(plan), *members_of(plan.get("args")), *members_of(plan.get("arguments"))]
    actions = [shown_action(action) for action in plan.get("actions") or [] if isinstance(action, Mapping)]
    return Shown(str(plan.get("description") or ""), values, actions)


def told_of(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an event was about."""
    event, data = plan.get("event"), plan.get("data")
    if isinstance(event, Mapping) and event.get("action"):
        yield "Event", " ".join(str(event[name]) for name in ("resource", "action") if event.get(name))
    if isinstance(data, Mapping) and data.get("id"):
        title = data.get("title")
        yield "About", f"{title} ({data['id']})" if title and title != data["id"] else str(data["id"])


def members_of(found: Any) -> list[tuple[str, str]]:
    return [(str(name), cut(pretty(value))) for name, value in found.items()] if isinstance(found, Mapping) else []


def shown_action(action: Mapping[str, Any]) -> ShownAction:
    kind = str(action.get("type") or "")
    args = action.get("args")
    return ShownAction(
        title=str(action.get("title") or action.get("id") or kind),
        kind=kind,
        description=str(action.get("description") or ""),
        args=cut(pretty(args)) if args else "",
    )


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def starter(approval: Approval) -> str:
    if approval.requester is None:
        return "It was started by an event."
    return f"It was started by {approval.requester.name or approval.requester.email}."


def silence(approval: Approval) -> str:
    """What happens when nobody answers; nothing where the question waits for ever."""
    if approval.timeout_at is None:
        return ""
    return f"Without an answer by {utc(approval.timeout_at)} {SILENCE[approval.on_timeout]}."


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")

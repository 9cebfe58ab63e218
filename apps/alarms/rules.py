"""An alarm's document as frozen values: parsed once at the edge, so that nothing below digs in raw members.

Durations are seconds. `check_rule` says everything that is wrong at once; `read_rule` reads what has passed.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apps.alarms.channels import CHANNELS
from apps.alarms.quiet import QuietHours, check_quiet, read_quiet
from apps.core.ids import parse_id

LONGEST = 7 * 86400
TARGET, INTEGRATION, NONE = GROUPINGS = ("target", "integration", "none")
SCOPES = {"_integrationId": "integration", "_flowId": "flow", "_automationId": "automation",
          "_connectionId": "connection"}  # fmt: skip
MAX_CHANNELS = 20
Fail = Callable[[str, str], None]


@dataclass(frozen=True)
class Scope:
    """What a rule looks at; all of the organization where it names nothing."""

    integration_id: uuid.UUID | None = None
    flow_id: uuid.UUID | None = None
    automation_id: uuid.UUID | None = None
    connection_id: uuid.UUID | None = None

    @property
    def target(self) -> tuple[str, uuid.UUID] | None:
        if self.flow_id:
            return "flow", self.flow_id
        return ("automation", self.automation_id) if self.automation_id else None

    def holds(self, *, integration_id: uuid.UUID | None, kind: str = "", target_id: uuid.UUID | None = None) -> bool:
        """Whether a flow, an automation, or whatever belongs to one of them, is looked at."""
        if self.integration_id and self.integration_id != integration_id:
            return False
        return self.target is None or self.target == (kind, target_id)


@dataclass(frozen=True)
class Channel:
    """One way to a person. `secret`: the signing key of a webhook; `url` is a secret of its own for Slack."""

    id: str
    type: str
    to: tuple[str, ...] = ()
    url: str = ""
    secret: str = ""


@dataclass(frozen=True)
class Rule:
    kind: str
    threshold: float
    window: timedelta
    minimum: int
    group_by: str
    period: timedelta
    tells_recovery: bool
    urgent: bool
    quiet: QuietHours | None
    scope: Scope
    channels: tuple[Channel, ...]


@dataclass(frozen=True)
class Limits:
    """What a kind's threshold and window mean, as defaults and bounds; `counts`: the threshold is a whole number."""

    threshold: float
    most: float
    window: int
    counts: bool = True
    least_window: int = 1
    scopes: tuple[str, ...] = tuple(SCOPES)


def check_rule(document: Mapping[str, Any], *, limits: Limits, fail: Fail) -> None:
    threshold = document.get("threshold")
    if threshold is not None:
        if not 0 < threshold <= limits.most:
            fail("threshold", f"must be more than 0 and at most {limits.most:g}.")
        elif limits.counts and threshold != int(threshold):
            fail("threshold", "must be a whole number for this kind of alarm.")
    for name, least in (("window", limits.least_window), ("period", 60)):
        value = document.get(name)
        if value is not None and not least <= value <= LONGEST:
            fail(name, f"must be between {least} and {LONGEST} seconds.")
    scope = document.get("scope") or {}
    for name in scope:
        if name not in SCOPES:
            fail(f"scope.{name}", f"is no scope; there are {', '.join(SCOPES)}.")
        elif name not in limits.scopes and scope[name] is not None:
            fail(f"scope.{name}", f"means nothing for this kind of alarm; {told(limits.scopes)}.")
    if scope.get("_flowId") and scope.get("_automationId"):
        fail("scope._automationId", "cannot stand beside _flowId: an execution is of one of them.")
    check_quiet(document.get("quietHours"), fail=fail)
    check_channels(document.get("channels"), fail=fail)


def told(scopes: tuple[str, ...]) -> str:
    return f"it takes {', '.join(scopes)}" if scopes else "it looks at the whole organization"


def check_channels(channels: list[dict[str, Any]] | None, *, fail: Fail) -> None:
    if not channels or len(channels) > MAX_CHANNELS:
        fail("channels", f"must name 1 to {MAX_CHANNELS} ways to tell somebody.")
        return
    seen: set[str] = set()
    for index, channel in enumerate(channels):
        if channel.get("_id") in seen:
            fail(f"channels[{index}]._id", "stands twice.")
        seen.update(filter(None, [channel.get("_id")]))
        kind = CHANNELS[channel["type"]]
        for name in channel:
            if name in ("to", "url", "secret") and name not in kind.members:
                fail(f"channels[{index}].{name}", f"means nothing for {channel['type']}.")
        for name, message in kind.check(channel):
            fail(f"channels[{index}].{name}", message)


def read_rule(document: Mapping[str, Any], *, kind: str, limits: Limits) -> Rule:
    scope = document.get("scope") or {}
    ids = {name: parse_id(scope[name]) if scope.get(name) else None for name in SCOPES}
    return Rule(
        kind=kind,
        threshold=float(document.get("threshold") or limits.threshold),
        window=timedelta(seconds=limits.window if document.get("window") is None else document["window"]),
        minimum=document.get("minimum") or 1,
        group_by=document.get("groupBy") or TARGET,
        period=timedelta(seconds=document.get("period") or 3600),
        tells_recovery=document.get("tellRecovery") is not False,
        urgent=bool(document.get("urgent")),
        quiet=read_quiet(document.get("quietHours")),
        scope=Scope(ids["_integrationId"], ids["_flowId"], ids["_automationId"], ids["_connectionId"]),
        channels=tuple(read_channel(channel) for channel in document.get("channels") or []),
    )


def read_channel(channel: Mapping[str, Any]) -> Channel:
    return Channel(
        id=channel.get("_id", ""), type=channel["type"], to=tuple(channel.get("to") or ()),
        url=channel.get("url") or "", secret=channel.get("secret") or "",
    )  # fmt: skip

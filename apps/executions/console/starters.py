"""Who or what started an execution, in words and links: a person, their key, a schedule, another execution.

The surprise: the row keeps the person only. With which key a run was asked for, the change log knows.
"""

import uuid
from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.console.display import NOTHING
from apps.accounts.console.names import Target, links_to
from apps.accounts.models import ApiKey, User
from apps.audit.models import AuditEntry
from apps.core.actors import Actor, Verb
from apps.core.ids import parse_id
from apps.executions.models import Execution

STARTED = ("run", "retry", "plan", "replay")  # the log's words for it
CAUSES = {"tick": "schedule", "chain": "execution", "child": "execution"}
Shown = SafeString | str


def starters_of(actor: Actor, rows: Sequence[Execution]) -> dict[uuid.UUID, Shown]:
    """For many at once: the number of queries does not grow with theirs."""
    people = people_named(actor, [row.triggered_by for row in rows])
    keys = keys_of(actor, [row.id for row in rows])
    causes = {row.id: cause_of(row) for row in rows}
    links = links_to(actor, {cause for cause in causes.values() if cause})
    return {row.id: told(row, causes[row.id], people=people, keys=keys, links=links) for row in rows}


def told(
    row: Execution,
    cause: Target | None,
    *,
    people: dict[str, str],
    keys: dict[uuid.UUID, str],
    links: dict[Target, Shown],
) -> Shown:
    by = row.triggered_by
    if by == "schedule":
        return format_html("the schedule {}", links[cause]) if cause else "a schedule"
    if by == "chain":
        return format_html("the end of {}", links[cause]) if cause else "the end of another flow"
    if by in ("event", "hook"):
        return "an event" if by == "event" else "a call of its hook"
    if by == "automation":
        return format_html("the automation’s run {}", links[cause]) if cause else "an automation"
    if by in ("", "system"):
        return "Junction itself" if by else NOTHING
    person = people.get(by) or ("a person who has left" if parse_id(by) else by)
    return f"{person}, with the key “{keys[row.id]}”" if keys.get(row.id) else person


def cause_of(row: Execution) -> Target | None:
    """`tick:<schedule>:<moment>`, `chain:<execution>:<flow>`, `child:<execution>:<step>`."""
    kind, _, rest = (row.cause or "").partition(":")
    found = parse_id(rest.partition(":")[0])
    return (CAUSES[kind], found) if found and kind in CAUSES else None


def people_named(actor: Actor, texts: Sequence[str]) -> dict[str, str]:
    """{an id as rows spell it: name}. Members of the organization only."""
    ids = {text: parse_id(text) for text in texts}
    rows = User.objects.filter(
        pk__in={found for found in ids.values() if found}, memberships__organization_id=actor.organization_id
    )
    names = {user.pk: str(user) for user in rows.only("name", "email")}
    return {text: names[row_id] for text, row_id in ids.items() if row_id in names}


def keys_of(actor: Actor, execution_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of keys are for those who may see keys."""
    entries = AuditEntry.objects.filter(
        organization_id=actor.organization_id, resource_type="execution", resource_id__in=execution_ids,
        event__in=STARTED, key_id__isnull=False,
    )  # fmt: skip
    found = dict(entries.values_list("resource_id", "key_id"))
    rows = ApiKey.objects.for_actor(actor).filter(pk__in=set(found.values()))
    names = dict(rows.values_list("pk", "name")) if actor.may(Verb.SECRETS) else {}
    return {execution_id: names[key_id] for execution_id, key_id in found.items() if key_id in names}

"""What every stored document has in common: it is checked, resolved, written with its references, and audited.

The surprise: `document` is what its writer wrote, less what is a column or the server's own. A replace keeps
nothing of the old one; a patch is a replace with a patched copy.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from django.db import transaction
from django.db.models import ProtectedError, QuerySet

from apps.audit import services as audit
from apps.core.actors import Actor, Verb
from apps.core.errors import ForbiddenError, NotFoundError, ValidationError, ValidationErrors
from apps.core.ids import hex24, new_id
from apps.core.models import OrganizationRow
from apps.integrations.counting import count
from apps.integrations.references import (
    Target,
    dependents_of,
    forget_references,
    keep_references,
    name_list,
    resolve,
)
from apps.wire.stamps import stamp

Row = TypeVar("Row", bound=OrganizationRow)
STAMPS = frozenset({"_id", "createdAt", "lastModified", "_userId", "_sourceId", "_templateId", "_connectorId"})


@dataclass
class Draft(Generic[Row]):
    """One save on its way. Checks add errors, so that a writer hears of all at once."""

    actor: Actor
    row: Row
    is_new: bool
    document: dict[str, Any]  # as written, less the server's own members
    ids: Mapping[str, uuid.UUID] = field(default_factory=dict)  # resolved, by path
    targets: set[Target] = field(default_factory=set)
    errors: list[ValidationError] = field(default_factory=list)

    def fail(self, path: str, message: str, *, code: str = "") -> None:
        self.errors.append(ValidationError(f"{path}: {message}", field=path, code=code))

    def try_check(self, check: Callable[[], Any]) -> Any:
        """What `check` answers, or None when it found an error, which is kept."""
        try:
            return check()
        except ValidationErrors as error:
            self.errors.extend(error.errors)
        except ValidationError as error:
            self.errors.append(error)
        return None

    def settle(self) -> None:
        if self.errors:
            raise ValidationErrors(self.errors)


class Resource(Generic[Row]):
    """Subclasses say how a document becomes columns and back (`fill`, `members`), and what it must obey (`check`)."""

    kind: ClassVar[str]
    read_verb: ClassVar[Verb] = Verb.VIEW
    computed: ClassVar[frozenset[str]] = frozenset()  # members only the server writes, besides STAMPS
    columns: ClassVar[frozenset[str]] = frozenset({"name"})  # members that are not kept in `document`
    model: type[Row]

    # What a subclass says.

    def check(self, draft: Draft[Row]) -> None:
        """Adds an error for everything the document says and may not."""

    def fill(self, draft: Draft[Row]) -> None:
        """Sets the row's columns from a document that has passed."""
        draft.row.name = draft.document["name"]  # type: ignore[attr-defined]

    def members(self, row: Row) -> dict[str, Any]:
        """The members that stand in columns."""
        return {"name": row.name}  # type: ignore[attr-defined]

    def integration_of(self, row: Row) -> uuid.UUID | None:
        return getattr(row, "integration_id", None)

    def may(self, *, actor: Actor, verb: Verb, row: Row) -> bool:
        """What a shared integration uses may be seen with it, wherever it stands; nothing more."""
        if actor.may(verb, integration_id=self.integration_of(row)):
            return True
        sees = verb == Verb.VIEW and any(actor.may(verb, integration_id=shared) for shared in actor.shares)
        return sees and bool(self.readable(actor).filter(pk=row.pk).exists())

    def saved(self, draft: Draft[Row]) -> None:
        """What follows from a save, in its transaction."""

    def deleting(self, *, actor: Actor, row: Row) -> None:
        """What goes with the row, in the transaction of its deletion."""

    # What they all do.

    def readable(self, actor: Actor) -> Any:
        return self.model.objects.for_actor(actor)

    def listed(self, actor: Actor) -> QuerySet[Row]:
        self.require_somewhere(actor=actor, verb=self.read_verb)
        rows: QuerySet[Row] = self.readable(actor)
        return rows

    def require(self, *, actor: Actor, verb: Verb, row: Row) -> None:
        if not self.may(actor=actor, verb=verb, row=row):
            raise ForbiddenError(f"Your access level does not allow you to {verb} this {self.kind}.")

    def require_somewhere(self, *, actor: Actor, verb: Verb) -> None:
        """Before a row is known: whether the actor may do this at all, be it in one shared integration."""
        if not actor.may(verb) and not any(actor.may(verb, integration_id=shared) for shared in actor.shares):
            raise ForbiddenError(f"Your access level does not allow you to {verb} any {self.kind}.")

    def show(self, row: Row) -> dict[str, Any]:
        return {
            "_id": row.hex_id,
            **self.members(row),
            **row.document,  # type: ignore[attr-defined]
            "createdAt": stamp(row.created_at),
            "lastModified": stamp(row.updated_at),
        }

    def show_listed(self, row: Row) -> dict[str, Any]:
        return self.show(row)

    def counted(self, rows: Sequence[Row], *, alone: bool = False) -> dict[uuid.UUID, dict[str, Any]]:
        """What is counted when somebody asks, by row; `alone`: of one that is read by its id."""
        return count(self.kind, rows, alone=alone)

    def create(self, *, actor: Actor, document: dict[str, Any]) -> Row:
        row = self.model(organization_id=actor.organization_id, id=new_id())
        with transaction.atomic():
            return self.save(actor=actor, row=row, document=document, is_new=True)

    def replace(self, *, actor: Actor, row: Row, document: dict[str, Any]) -> Row:
        with transaction.atomic():
            return self.save(actor=actor, row=self.locked(row), document=document, is_new=False)

    def save(self, *, actor: Actor, row: Row, document: dict[str, Any], is_new: bool) -> Row:
        if not is_new:
            self.require(actor=actor, verb=Verb.EDIT, row=row)
        own = STAMPS | self.computed
        draft = Draft(actor, row, is_new, {key: value for key, value in document.items() if key not in own})
        draft.ids, draft.targets, draft.errors = resolve(actor=actor, document=draft.document, self_id=row.id)
        self.check(draft)
        draft.settle()
        before = {} if is_new else self.show(row)
        self.fill(draft)
        draft.settle()
        self.require(actor=actor, verb=Verb.EDIT, row=row)  # in the folder it now stands in
        row.document = {  # type: ignore[attr-defined]
            key: value for key, value in draft.document.items() if key not in self.columns
        }
        changes = audit.changes_between(without_stamps(before), without_stamps(self.show(row)))
        if not is_new:
            row.revision += 1  # type: ignore[attr-defined]
        row.save(force_insert=is_new)
        keep_references(
            organization_id=row.organization_id,
            source=(self.kind, row.id),
            integration_id=self.integration_of(row),
            targets=draft.targets,
        )
        if is_new or changes:
            self.log(actor=actor, event="create" if is_new else "update", row=row, changes=[] if is_new else changes)
        self.saved(draft)
        return row

    def delete(self, *, actor: Actor, row: Row) -> None:
        with transaction.atomic():
            row = self.locked(row)
            self.require(actor=actor, verb=Verb.DELETE, row=row)
            dependents = [entry for entry in dependents_of(kind=self.kind, row_id=row.id) if entry.id != row.id]
            if dependents:
                raise in_use(f"This {self.kind} is used by {name_list(dependents)}.")
            self.deleting(actor=actor, row=row)
            forget_references(source=(self.kind, row.id))
            self.log(actor=actor, event="delete", row=row)
            try:
                with transaction.atomic():
                    row.delete()
            except ProtectedError as error:
                raise in_use(f"This {self.kind} is used by {rows_list(error.protected_objects)}.") from None

    def log(self, *, actor: Actor, event: str, row: Row, changes: list[dict[str, Any]] | None = None) -> None:
        audit.record(
            actor=actor,
            event=event,
            resource_type=self.kind,
            resource_id=row.id,
            resource_name=str(row),
            integration_id=self.integration_of(row),
            changes=changes,
        )

    def locked(self, row: Row) -> Row:
        found = self.model._base_manager.filter(pk=row.pk).select_for_update().first()
        if found is None:
            raise NotFoundError(f"{self.kind.capitalize()} {hex24(row.id)} was not found.")
        return found


def without_stamps(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key not in STAMPS}


def in_use(message: str) -> ValidationError:
    return ValidationError(message, code="has_dependents")


def rows_list(rows: Iterable[Any]) -> str:
    return ", ".join(f"{row._meta.verbose_name} {row} ({hex24(row.pk)})" for row in list(rows)[:10])

"""Saving and deleting integrations, and registering connections with them."""

from typing import Any

from apps.core.actors import Actor, Verb
from apps.core.ids import hex24, new_id
from apps.integrations.models import Integration
from apps.integrations.resources import Draft, Resource


class IntegrationResource(Resource[Integration]):
    kind = "integration"
    model = Integration
    columns = frozenset({"name", "description"})
    computed = frozenset(
        [
            "_registeredConnectionIds",
            "sandbox",
            "numFlows",
            "numError",
            "numRegisteredConnections",
            "numOfflineConnections",
            "lastErrorAt",
        ]
    )

    def integration_of(self, row: Integration) -> Any:
        return row.id

    def may(self, *, actor: Actor, verb: Verb, row: Integration) -> bool:
        """A new folder needs the role itself: a share is of one that is there."""
        return actor.may(verb, integration_id=None if row._state.adding else row.id)

    def check(self, draft: Draft[Integration]) -> None:
        groupings = draft.document.get("flowGroupings")
        if groupings:
            draft.document["flowGroupings"] = [{"_id": hex24(new_id()), **grouping} for grouping in groupings]

    def fill(self, draft: Draft[Integration]) -> None:
        draft.row.name = draft.document["name"]
        draft.row.description = draft.document.get("description", "")

    def members(self, row: Integration) -> dict[str, Any]:
        return {"name": row.name, **({"description": row.description} if row.description else {})}


INTEGRATIONS = IntegrationResource()

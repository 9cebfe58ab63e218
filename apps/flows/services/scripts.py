"""Saving and deleting scripts."""

from typing import Any

from apps.flows.models import Script
from apps.integrations.resources import Draft, Resource


class ScriptResource(Resource[Script]):
    """`content` is shown on read by id only."""

    kind = "script"
    model = Script
    columns = frozenset({"name", "content"})
    computed = frozenset({"debugUntil"})

    def listed(self, actor: Any) -> Any:
        return super().listed(actor).defer("content")

    def fill(self, draft: Draft[Script]) -> None:
        draft.row.name, draft.row.content = draft.document["name"], draft.document["content"]

    def members(self, row: Script) -> dict[str, Any]:
        return {"name": row.name, "content": row.content}

    def show_listed(self, row: Script) -> dict[str, Any]:
        row.content = ""  # deferred: a read of it would be a query a row
        shown = self.show(row)
        del shown["content"]
        return shown


SCRIPTS = ScriptResource()

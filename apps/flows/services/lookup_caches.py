"""Saving and deleting lookup caches; what stands in them is in `lookup_data`."""

from typing import Any

from apps.core.ids import hex24
from apps.flows.models import LookupCache
from apps.integrations.resources import Draft, Resource


class LookupCacheResource(Resource[LookupCache]):
    kind = "lookupcache"
    model = LookupCache
    columns = frozenset({"name", "_integrationId", "externalId"})
    computed = frozenset({"size", "sizeInMB", "_userId"})

    def fill(self, draft: Draft[LookupCache]) -> None:
        row, document = draft.row, draft.document
        row.name, row.external_id = document["name"], document.get("externalId", "")
        row.integration_id = draft.ids.get("_integrationId")

    def members(self, row: LookupCache) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": row.name, "size": row.size, "sizeInMB": f"{row.size / 1_000_000:.2f}"}
        if row.integration_id:
            shown["_integrationId"] = hex24(row.integration_id)
        if row.external_id:
            shown["externalId"] = row.external_id
        return shown


LOOKUP_CACHES = LookupCacheResource()

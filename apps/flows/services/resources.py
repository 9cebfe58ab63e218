"""The stored documents of this app, by the one name others import them by: create, replace, delete, show."""

from apps.flows.services.exports import EXPORTS
from apps.flows.services.flows import FLOWS
from apps.flows.services.imports import IMPORTS
from apps.flows.services.lookup_caches import LOOKUP_CACHES
from apps.flows.services.scripts import SCRIPTS

__all__ = ["EXPORTS", "FLOWS", "IMPORTS", "LOOKUP_CACHES", "SCRIPTS"]

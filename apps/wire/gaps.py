"""Documented operations that are not built yet: each answers 501 in its dialect, and `manage.py gaps` lists them.

A line is taken out when its operation is built; a test compares what is left with the contracts.
"""

import re
from functools import cache

from apps.wire.dialects import Dialect

MESSAGE = "This operation is documented, and this version does not have it yet."

INTERACTOR = """
"""
CELIGO = """
POST /v1/flows/{_id}/clone
GET /v1/flows/{_id}/template
POST /v1/integrations/{_id}/clone
GET /v1/integrations/{_id}/ashares
POST /v1/integrations/{_id}/revisions/create
GET POST /v1/integrations/{_id}/installSteps
GET POST /v1/integrations/{_id}/uninstallSteps
GET POST /v1/integrations/{_id}/template
GET /v1/integrations/{_id}/clonefamily
GET /v1/integrations/{_id}/revisions
GET /v1/integrations/{_id}/revisions/{_revisionId}
GET /v1/integrations/{_id}/revisions/{_revisionId}/diff
GET /v1/integrations/{_id}/revisions/{_revisionId}/errors
POST /v1/integrations/{_id}/revisions/{_revisionId}/cancel
POST /v1/integrations/{_id}/revisions/{_revisionId}/installSteps
POST /v1/integrations/{_id}/revisions/{_revisionId}/revert/compare
POST /v1/integrations/{_id}/revisions/{_revisionId}/revert/open
POST /v1/integrations/{_id}/pull/{_cloneId}/compare
POST /v1/integrations/{_id}/pull/{_cloneId}/open
POST /v1/exports/{_id}/clone
POST /v1/imports/{_id}/clone
GET /v1/ashares
PUT DELETE /v1/ashares/{_id}
POST /v1/invite
"""
RELY = """
"""
GIOSG = """
GET /api/v2/orgs/{organization_id}/interactions
GET /api/v2/orgs/{organization_id}/interactions/{interaction_id}
POST /api/v2/orgs/{organization_id}/interactions/{interaction_id}/copy
POST /api/v2/orgs/{organization_id}/interactions/{interaction_id}/move
POST /api/interactions/
PUT DELETE /api/interactions/{interaction_id}
POST /api/interactions/{interaction_id}/publish
POST /api/interactions/{interaction_id}/unpublish
POST /api/interactions/{interaction_id}/revert
GET /api/orgs/{organization_id}/interactions/{interaction_id}/published-log
GET /api/templates
GET /api/templates/default-project
GET /api/v1/collections
GET /api/v1/collections/{collection_id}
GET /api/orgs/{organization_id}/groups/{collection_id}/themes
GET /api/v5/users/me
"""

TABLES = {Dialect.INTERACTOR: INTERACTOR, Dialect.CELIGO: CELIGO, Dialect.RELY: RELY, Dialect.GIOSG: GIOSG}


def all_gaps() -> list[tuple[Dialect, str, str]]:
    """(dialect, method, path with its parameters in braces)."""
    found: list[tuple[Dialect, str, str]] = []
    for dialect, table in TABLES.items():
        for line in table.split("\n"):
            *methods, path = line.split() or [""]
            found.extend((dialect, method, path) for method in methods)
    return found


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """One expression a method: the fixed parts are matched before the open ones, so `/connections/ping` is no id."""
    by_method: dict[str, list[str]] = {}
    for _, method, path in all_gaps():
        parts = re.split(r"{[^}]+}", path)
        by_method.setdefault(method, []).append("[^/]+".join(map(re.escape, parts)))
    return {method: re.compile("|".join(found)) for method, found in by_method.items()}


def is_gap(*, method: str, path: str) -> bool:
    pattern = patterns().get(method)
    return pattern is not None and pattern.fullmatch(path) is not None

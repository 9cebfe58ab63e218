"""`get_issue`: one issue by its number."""

from apps.connectors.library.declare import action
from apps.connectors.library.github import NUMBER, REPO_URL, REPOSITORY

PART = action(
    "get_issue",
    "Get an issue",
    steps=[{"name": "found", "request": {"url": f"{REPO_URL}/issues/{{{{ input.data.issue_number }}}}"}}],
    output="{{ steps.found.body }}",
    variables={**REPOSITORY, **NUMBER},
    gives={"type": "object", "required": ["number", "title"]},
)

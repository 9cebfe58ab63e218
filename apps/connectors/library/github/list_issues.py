"""`list_issues`: a repository's issues."""

from apps.connectors.library.declare import action, text
from apps.connectors.library.github import PAGE, REPO_URL, REPOSITORY, names

PART = action(
    "list_issues",
    "List issues",
    steps=[
        {
            "name": "found",
            "request": {
                "url": f"{REPO_URL}/issues",
                "query": names("state", "labels", "assignee", "since", "per_page", "page"),
            },
        }
    ],
    output="{{ steps.found.body }}",
    variables={
        **REPOSITORY,
        "state": {"type": "string", "title": "State", "enum": ["open", "closed", "all"]},
        "labels": text("Labels, separated by commas"),
        "assignee": text("Assignee"),
        "since": text("Changed since", format="date-time"),
        **PAGE,
    },
    gives={"type": "array"},
)

"""`list_repos`: the repositories the token's owner can see."""

from apps.connectors.library.declare import action
from apps.connectors.library.github import PAGE, names

PART = action(
    "list_repos",
    "List repositories",
    steps=[
        {
            "name": "found",
            "request": {"url": "/user/repos", "query": names("visibility", "sort", "per_page", "page")},
        }
    ],
    output="{{ steps.found.body }}",
    variables={
        "visibility": {"type": "string", "title": "Visibility", "enum": ["all", "public", "private"]},
        "sort": {"type": "string", "title": "Sort by", "enum": ["created", "updated", "pushed", "full_name"]},
        **PAGE,
    },
    gives={"type": "array"},
)

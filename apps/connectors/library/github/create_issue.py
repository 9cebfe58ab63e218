"""`create_issue`: opens an issue. GitHub takes no idempotency key, so a lost answer leaves it in doubt."""

from apps.connectors.library.declare import action, text
from apps.connectors.library.github import REPO_URL, REPOSITORY

PART = action(
    "create_issue",
    "Create an issue",
    steps=[
        {
            "name": "made",
            "request": {
                "method": "POST",
                "url": f"{REPO_URL}/issues",
                "body": {
                    "title": "{{ input.data.title }}",
                    "body": "{{ input.data.body or '' }}",
                    "labels": "{{ input.data.labels or [] }}",
                    "assignees": "{{ input.data.assignees or [] }}",
                },
            },
        }
    ],
    output="{{ steps.made.body }}",
    variables={
        **REPOSITORY,
        "title": text("Title", required=True),
        "body": text("Text"),
        "labels": {"type": "array", "title": "Labels", "items": {"type": "string"}},
        "assignees": {"type": "array", "title": "Assignees", "items": {"type": "string"}},
    },
    gives={"type": "object", "required": ["number", "title"]},
)

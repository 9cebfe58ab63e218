"""`create_comment`: adds a comment to an issue or pull request."""

from apps.connectors.library.declare import action, text
from apps.connectors.library.github import NUMBER, REPO_URL, REPOSITORY

PART = action(
    "create_comment",
    "Comment on an issue",
    steps=[
        {
            "name": "made",
            "request": {
                "method": "POST",
                "url": f"{REPO_URL}/issues/{{{{ input.data.issue_number }}}}/comments",
                "body": {"body": "{{ input.data.body }}"},
            },
        }
    ],
    output="{{ steps.made.body }}",
    variables={**REPOSITORY, **NUMBER, "body": text("Text", required=True)},
    gives={"type": "object", "required": ["id", "body"]},
)

"""`issue_comment.created`: somebody comments on an issue or pull request."""

from apps.connectors.library.github.hooks import notified

PART = notified(
    "issue_comment.created",
    "A comment is added",
    event="issue_comment",
    gives={"type": "object"},
)

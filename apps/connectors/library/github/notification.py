"""GitHub's notifications, signed with the secret of their registration: `issue_comment.created`, `push` and so on."""

from apps.connectors.library.declare import Part

NAME = (
    "{{ input.headers['x-github-event'] }}"
    "{% if input.data.action %}.{{ input.data.action }}{% endif %}"
)  # fmt: skip

PART = Part(
    name="notification",
    label="GitHub notifies",
    kind="event",
    variables={"type": "object", "properties": {}},
    logic={
        "route": {
            "steps": [{"when": "{{ input.headers['x-github-event'] == 'ping' }}", "return": []}],
            "output": {
                "trigger": NAME,
                "keys": ["{{ input.data.repository.full_name }}"],
                "item": "{{ input.data.issue.id if input.headers['x-github-event'] == 'issues' else null }}",
            },
        }
    },
    document={
        "type": "webhook",
        "config": {
            "security": {"type": "hmac-sha256", "header": "X-Hub-Signature-256", "prefix": "sha256="},
            "id": {"header": "X-GitHub-Delivery"},
        },
    },
)

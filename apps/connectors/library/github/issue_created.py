"""`issue.created`: new issues, by asking every five minutes, for repositories whose webhooks one may not change.

GitHub lists by the time of the last change, so the cursor is one; what was told before is known by its id.
"""

from apps.connectors.library.declare import Part
from apps.connectors.library.github import REPO_URL, REPOSITORY

PART = Part(
    name="issue.created",
    label="An issue is opened (polled)",
    kind="trigger",
    variables={"type": "object", "properties": REPOSITORY, "additionalProperties": False},
    output={"type": "object", "required": ["number", "title"]},
    logic={
        "trigger": {
            "steps": [
                {
                    "name": "found",
                    "request": {
                        "url": f"{REPO_URL}/issues",
                        "query": {
                            "state": "all",
                            "sort": "updated",
                            "direction": "asc",
                            "per_page": 100,
                            "since": "{{ input.cursor or input.since }}",
                        },
                    },
                }
            ],
            "output": {
                "items": "{{ steps.found.body | rejectattr('pull_request', 'defined')"
                " | selectattr('created_at', 'ge', input.since) | list }}",
                "cursor": "{{ (steps.found.body | last).updated_at if steps.found.body else input.cursor }}",
                "more": "{{ steps.found.body | length == 100 }}",
            },
        }
    },
    extra_schema={"x-poll": {"every": 300, "id": "id"}},
)

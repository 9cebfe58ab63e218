"""`request`: one call, answered with status, headers and body. On a credential, a path is relative to its address."""

from typing import Any

from apps.connectors.library.declare import action, text

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def step(method: str) -> dict[str, Any]:
    return {
        "when": f"{{{{ (input.data.method or 'GET') == '{method}' }}}}",
        "steps": [
            {
                "name": method.lower(),
                "request": {
                    "method": method,
                    "url": "{{ input.data.url }}",
                    "query": "{{ input.data.query }}",
                    "headers": "{{ input.data.headers }}",
                    "body": "{{ input.data.body }}",
                    "accept": list(range(300, 600)),
                },
            },
            {
                "when": f"{{{{ steps.{method.lower()}.status >= 400 and input.data.failOnError != false }}}}",
                "fail": {
                    "message": f"The target answered {{{{ steps.{method.lower()}.status }}}}.",
                    "status": 502,
                    "code": "target_refused",
                    "data": f"{{{{ steps.{method.lower()} }}}}",
                },
            },
            {"return": f"{{{{ steps.{method.lower()} }}}}"},
        ],
    }


PART = action(
    "request",
    "Send a request",
    steps=[{"branch": [step(method) for method in METHODS]}],
    output=None,
    variables={
        "method": {"type": "string", "title": "Method", "enum": list(METHODS), "default": "GET"},
        "url": text("URL, or path on the credential's address", required=True),
        "query": {"type": "object", "title": "Query"},
        "headers": {"type": "object", "title": "Headers"},
        "body": {"title": "Body, sent as JSON"},
        "failOnError": {"type": "boolean", "title": "Fail on a status of 400 or more", "default": True},
    },
    gives={"type": "object", "required": ["status", "headers", "body"]},
)

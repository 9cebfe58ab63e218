"""GitHub, or an Enterprise server of one's own: a credential's address takes the place of api.github.com."""

from typing import Any

from apps.connectors.library.declare import JSON, Library, Token, text

LIBRARY = Library(
    name="github",
    label="GitHub",
    package=__name__,
    base_url="https://api.github.com",
    description="Repositories, issues and comments on GitHub.",
    securities=(
        Token(
            name="token",
            label="Personal access token",
            config={"location": "header", "headerName": "Authorization", "scheme": "Bearer"},
        ),
    ),
    logic={
        "auth": {
            "output": {
                "headers": {
                    "Accept": "application/vnd.github+json",
                    "X-GitHub-Api-Version": "2022-11-28",
                    "User-Agent": "junction",
                }
            }
        },
        "error": {
            "output": "GitHub answered {{ input.data.status }}"
            "{% if input.data.body.message %}: {{ input.data.body.message }}{% endif %}"
        },
    },
)

# A name is one segment of the path: nothing in it may lead to another address of the API.
NAME = r"^(?!\.{1,2}$)[A-Za-z0-9_.-]+$"
REPOSITORY: dict[str, JSON] = {
    "owner": text("Owner", required=True, pattern=NAME),
    "repo": text("Repository", required=True, pattern=NAME),
}
NUMBER: dict[str, JSON] = {"issue_number": {"type": "integer", "title": "Number", "minimum": 1, "x-required": True}}
PAGE: dict[str, JSON] = {
    "per_page": {"type": "integer", "title": "Items a page", "minimum": 1, "maximum": 100},
    "page": {"type": "integer", "title": "Page", "minimum": 1},
}
REPO_URL = "/repos/{{ input.data.owner }}/{{ input.data.repo }}"


def names(*members: str) -> dict[str, Any]:
    """Each input member under its own name; absent ones are left out of queries."""
    return {member: f"{{{{ input.data.{member} }}}}" for member in members}

"""Calls the API as a person, without a socket."""

import json
from typing import Any

from django.test import Client


class Api:
    def __init__(self, person: Any = None, *, prefix: str = "") -> None:
        self.client, self.prefix = Client(raise_request_exception=False), prefix
        self.headers = person.headers if person else {}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """`body` is JSON, or bytes as they are. Header names have `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kwargs: dict[str, Any] = {"headers": {**self.headers, **named}}
        if body is not None or method != "get":
            data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            kwargs |= {"data": data, "content_type": "application/json"}
        return getattr(self.client, method)(self.prefix + path, **kwargs)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("post", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("put", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("patch", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("delete", path, body, **headers)


def fields_of(response: Any) -> list[str]:
    return [error.get("field", "") for error in response.json()["errors"]]


def codes_of(response: Any) -> list[str]:
    return [error["code"] for error in response.json()["errors"]]

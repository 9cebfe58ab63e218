"""Calls over a real socket, as a client of any language would."""

import json
import urllib.error
import urllib.request
from typing import Any


class Caller:
    def __init__(self, base: str, person: Any) -> None:
        self.base, self.headers = base, {**person.headers, "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, headers=self.headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

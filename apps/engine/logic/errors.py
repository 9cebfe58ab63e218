"""What is wrong with a logic document, and what can end its run."""

from __future__ import annotations

from typing import Any

from apps.engine.errors import DocumentError


class LogicError(DocumentError):
    """The document cannot be compiled; `path` names the offending member: `steps[2].request.url`."""


class LogicRunError(Exception):
    """A run cannot go on; `path` and `iteration` name the step."""

    def __init__(self, path: str, reason: str, *, iteration: str = "") -> None:
        super().__init__(path, reason, iteration)
        self.path = path
        self.reason = reason
        self.iteration = iteration

    def __str__(self) -> str:
        where = f"{self.path} [{self.iteration}]" if self.iteration else self.path
        return f"{where}: {self.reason}"


class LogicBoundError(LogicRunError):
    """The run took more steps, iterations or time than it may."""


class LogicFailedError(LogicRunError):
    """A `fail` step ended the run; `status`, `code` and `data` are as the document gave them."""

    def __init__(
        self, path: str, reason: str, *, iteration: str, status: int | None, code: str | None, data: Any
    ) -> None:
        super().__init__(path, reason, iteration=iteration)
        self.status = status
        self.code = code
        self.data = data


class RequestRefusedError(LogicRunError):
    """A request was answered with a status that its step does not accept."""

    def __init__(self, path: str, *, iteration: str, response: dict[str, Any]) -> None:
        super().__init__(path, f"the request was answered {response.get('status')}", iteration=iteration)
        self.response = response

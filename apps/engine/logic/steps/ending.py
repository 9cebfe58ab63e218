"""`return`: ends the program with a value. `fail`: ends it with an error.

`fail` is a text, or `{"message": value, "status": 100–599, "code": value, "data": value}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.engine.logic.errors import LogicError, LogicFailedError
from apps.engine.logic.frame import Frame, Returned, Run
from apps.engine.logic.reading import Members
from apps.engine.logic.values import Value, compile_value


@dataclass(frozen=True, slots=True)
class ReturnStep:
    path: str
    value: Value

    def run(self, frame: Frame) -> Run:
        yield from ()  # a generator like every step, which asks for nothing
        return Returned(frame.evaluate(self.value, self.path))


@dataclass(frozen=True, slots=True)
class FailStep:
    path: str
    message: Value
    status: int | None
    code: Value
    data: Value

    def run(self, frame: Frame) -> Run:
        yield from ()
        message = frame.evaluate(self.message, f"{self.path}.message")
        code = frame.evaluate(self.code, f"{self.path}.code")
        raise LogicFailedError(
            self.path,
            _text(message) or "failed",
            iteration=frame.iteration,
            status=self.status,
            code=_text(code),
            data=frame.evaluate(self.data, f"{self.path}.data"),
        )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)[:1000]


def read_fail(value: Any, path: str) -> FailStep:
    members = Members({"message": value} if isinstance(value, str) else value, path)
    status = members.take("status", None)
    if status is not None and not (type(status) is int and 100 <= status <= 599):
        raise LogicError(members.at("status"), "must be an HTTP status")
    step = FailStep(
        path=path,
        message=compile_value(members.text("message"), members.at("message")),
        status=status,
        code=compile_value(members.take("code", None), members.at("code")),
        data=compile_value(members.take("data", None), members.at("data")),
    )
    members.finish()
    return step

"""What a component's call can end in, as domain errors: each says who can mend it, and `wire` gives it a status."""

import math
from datetime import datetime

from apps.core import clock
from apps.core.errors import DomainError, RateLimitedError, UnavailableError
from apps.core.gateway import AddressRefused, Category, GatewayError, RetryLater, TimedOut
from apps.engine.logic import LogicFailedError, LogicRunError, RequestRefusedError
from apps.engine.sandbox import SandboxError

SHOWN = 300


class TargetRefusedError(DomainError):
    """The third party answered with an error; `target_status` is its status."""

    status = 502
    code = "target_refused"

    def __init__(self, message: str, *, target_status: int) -> None:
        super().__init__(message)
        self.target_status = target_status


class UnreachableError(DomainError):
    """The third party could not be reached, or did not answer properly."""

    status = 502
    code = "target_unreachable"


class TargetTimeoutError(DomainError):
    status = 504
    code = "target_timed_out"


class AddressRefusedError(DomainError):
    """The address is out of bounds for this deployment's connections."""

    code = "address_refused"


class LogicFaultError(DomainError):
    """The component's own program cannot go on with this input."""

    code = "logic_failed"


class ComponentFailedError(DomainError):
    """A `fail` step: the component's author gave message, status and code."""

    code = "failed"

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message, code=code)
        self.status = status


class WaitError(UnavailableError):
    """`until`: when the work may go on. `limited`: the target asked for it, so a caller is told 429."""

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message, retry_after=max(1, math.ceil((until - clock.now()).total_seconds())))
        self.until = until


class TargetLimitedError(WaitError, RateLimitedError):
    status = 429
    code = "rate_limited"


def of_gateway(error: GatewayError) -> DomainError:
    match error:
        case RetryLater():
            asked = error.response is not None and error.response.status != 503
            kind = TargetLimitedError if asked or "too many requests" in error.reason else WaitError
            return kind(f"{error.reason}.", until=error.until)
        case AddressRefused():
            return AddressRefusedError(error.message)
        case TimedOut():
            return TargetTimeoutError(error.message)
    if error.category is Category.TRANSIENT:
        return UnreachableError(error.message)
    return DomainError(error.message, code=error.code.removeprefix("gateway."))


def of_logic(error: LogicRunError, *, shown: str) -> DomainError:
    match error:
        case LogicFailedError():
            status = error.status if error.status and error.status >= 400 else 422
            return ComponentFailedError(error.reason, status=status, code=error.code or "failed")
        case RequestRefusedError():
            status = int(error.response["status"])
            return TargetRefusedError(
                f"{shown}: the target answered {status}{_excerpt(error.response.get('body'))}", target_status=status
            )
    return LogicFaultError(f"{shown}: {error}")


def of_script(error: SandboxError, *, path: str, shown: str) -> DomainError:
    return LogicFaultError(f"{shown}: {path}: {error}")


def _excerpt(body: object) -> str:
    """The message of an error body, where it is found at the usual places; else its beginning."""
    if isinstance(body, dict):
        for name in ("message", "error_description", "error", "detail", "title"):
            found = body.get(name)
            if isinstance(found, str) and found:
                return f": {found[:SHOWN]}"
    text = "" if body is None else str(body).strip()
    return f": {text[:SHOWN]}" if text else "."

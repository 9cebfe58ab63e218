"""What can go wrong on the way out; every error says what to do about it and whether the target may have acted."""

from __future__ import annotations

import math
from datetime import datetime
from enum import StrEnum
from typing import Any

from apps.core import clock
from apps.core.errors import DomainError, UnavailableError


class Category(StrEnum):
    """Who can mend it: time, whoever configured the connection, or whoever owns the record."""

    TRANSIENT = "transient"
    CONFIGURATION = "configuration"
    DATA = "data"


class GatewayError(DomainError):
    """An outside effect failed. `status` is what our own caller is told when it waits for the outcome."""

    status = 502
    code = "gateway.failed"
    category = Category.TRANSIENT
    maybe_sent = False

    def __init__(self, message: str, *, maybe_sent: bool | None = None, category: Category | None = None) -> None:
        DomainError.__init__(self, message)
        self.elapsed = 0.0
        if maybe_sent is not None:
            self.maybe_sent = maybe_sent
        if category is not None:
            self.category = category


class AddressRefused(GatewayError):
    """The target resolves to an address that this deployment does not let connections reach."""

    status = 422
    code = "gateway.address_refused"
    category = Category.CONFIGURATION


class InvalidRequest(GatewayError):
    """The request cannot be put on the wire as it is: scheme, header or address."""

    status = 422
    code = "gateway.invalid_request"
    category = Category.DATA


class ConnectFailed(GatewayError):
    """No connection: name not found, refused, or TLS not agreed. Nothing was sent."""

    code = "gateway.connect_failed"


class TimedOut(GatewayError):
    """No complete answer within the time the request allows."""

    status = 504
    code = "gateway.timed_out"
    maybe_sent = True


class Disconnected(GatewayError):
    """The target closed the connection before it answered."""

    code = "gateway.disconnected"
    maybe_sent = True


class ClosedMidBody(GatewayError):
    """The answer began and then broke off."""

    code = "gateway.closed_mid_body"
    maybe_sent = True


class TooLarge(GatewayError):
    """The answer, unpacked, is larger than the request allows."""

    code = "gateway.too_large"
    category = Category.CONFIGURATION
    maybe_sent = True


class BadResponse(GatewayError):
    """What came back is not what the protocol, or the reader of the body, can understand."""

    code = "gateway.bad_response"
    category = Category.DATA
    maybe_sent = True


class TooManyRedirects(GatewayError):
    """Redirects did not end within the limit."""

    code = "gateway.too_many_redirects"
    category = Category.CONFIGURATION
    maybe_sent = True


class RetryLater(GatewayError, UnavailableError):
    """Not now: the wait is longer than a call may stand in line. The work becomes due at `until`."""

    status = 503
    code = "gateway.retry_later"

    def __init__(self, until: datetime, reason: str, *, maybe_sent: bool = False, response: Any = None) -> None:
        GatewayError.__init__(self, f"{reason}; retry at {until.isoformat(timespec='seconds')}", maybe_sent=maybe_sent)
        self.retry_after = max(1, math.ceil((until - clock.now()).total_seconds()))
        self.until = until
        self.reason = reason
        self.response = response


class InTransaction(GatewayError):
    """An outside call inside a database transaction: a slow target would hold locks. A defect of the caller."""

    status = 500
    code = "gateway.in_transaction"
    category = Category.CONFIGURATION


class EffectNotAllowed(GatewayError):
    """The call would change something that its mode, its declaration or its target rules out."""

    status = 422
    code = "gateway.effect_not_allowed"
    category = Category.CONFIGURATION


class NoRecordedAnswer(GatewayError):
    """A replay met a request that its recording does not hold."""

    code = "gateway.no_recorded_answer"
    category = Category.DATA


class StatementFailed(GatewayError):
    """The database answered a statement with an error."""

    code = "gateway.statement_failed"
    category = Category.DATA


class FileRefused(GatewayError):
    """The path leads out of the organization's folder, or is not a plain file."""

    status = 422
    code = "gateway.file_refused"
    category = Category.CONFIGURATION


class FileMissing(GatewayError):
    """There is no such file."""

    status = 422
    code = "gateway.file_missing"
    category = Category.DATA


class MailFailed(GatewayError):
    """The mail server did not take the message."""

    code = "gateway.mail_failed"

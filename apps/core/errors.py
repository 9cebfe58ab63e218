"""What services raise. `wire` turns each into its dialect's answer once; the console shows the message."""


class DomainError(Exception):
    """`code` is a stable word, `field` the path of the offending member, where there is one."""

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, field: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.code = code or self.code


class ValidationError(DomainError):
    status = 422
    code = "invalid_field"


class BadRequestError(DomainError):
    status = 400
    code = "bad_request"


class NotFoundError(DomainError):
    status = 404
    code = "not_found"


class ForbiddenError(DomainError):
    status = 403
    code = "forbidden"


class ConflictError(DomainError):
    status = 409
    code = "conflict"


class UnavailableError(DomainError):
    """Nothing is wrong with the request; `retry_after` is in seconds."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1, code: str = "") -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class RateLimitedError(UnavailableError):
    status = 429
    code = "rate_limited"


class ValidationErrors(DomainError):
    """Several at once, each a ValidationError."""

    def __init__(self, errors: "list[ValidationError]") -> None:
        super().__init__("; ".join(e.message for e in errors), field=errors[0].field, code=errors[0].code)
        self.errors = errors

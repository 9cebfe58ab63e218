"""What documents of automations are refused with. Rely's own texts begin with `Automation error:`."""

from apps.core.errors import BadRequestError, DomainError, ValidationError


class AutomationError(BadRequestError):
    """A rule of the domain, not of the document's shape: 400 with a text."""

    code = "automation_error"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(f"Automation error: {message}", field=field)


def fault(path: str, message: str, *, code: str = "") -> ValidationError:
    return ValidationError(f"{path}: {message}" if path else message, field=path, code=code)


class RejectedError(DomainError):
    """A person said no: the run is over, and has not failed."""

    code = "rejected"

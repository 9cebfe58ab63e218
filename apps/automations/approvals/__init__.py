"""A question to a person before an automation's first action."""

from apps.accounts.models import User
from apps.automations.models import AutomationVersion
from apps.core.errors import DomainError
from apps.executions.models import Execution


def require(execution: Execution, version: AutomationVersion, requester: User | None) -> None:
    """Returns once approved. In a transaction. Raises Wait until answered, RejectedError after a no."""
    raise DomainError("It needs an approval, and nobody can be asked for one here.")


def close(execution: Execution) -> None:
    """The run has ended: nobody is asked any more."""

"""What a person can do to one row. Always a POST with a CSRF token, outside any transaction: pings may reach out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.core.actors import Actor, Verb


@dataclass(frozen=True)
class Outcome:
    """What the person is told, and where they are led; no address: back to the row.

    A `secret` is shown on a page of its own, since what is told otherwise is stored on its way.
    """

    message: str
    url: str = ""
    ok: bool = True
    secret: str = ""


def always(row: Any) -> bool:
    return True


@dataclass(frozen=True)
class Button:
    """`run` calls a service and may raise DomainError. `confirm` is asked first. `look`: plain, primary, danger."""

    name: str
    label: str
    run: Callable[[Actor, Any], Outcome]
    needs: Verb
    icon: str = ""
    look: str = "plain"
    confirm: str = ""
    shown: Callable[[Any], bool] = always

"""What every app's console pages are made of: who looks, lists, detail pages, buttons.

The surprise: nothing here uses Django's permissions. An Actor decides, as it does in the API.
"""

from apps.accounts.console.admin import ConsoleAdmin
from apps.accounts.console.buttons import Button, Outcome
from apps.accounts.console.extensions import add_buttons, add_sections, add_tools
from apps.accounts.console.filters import ChoiceFilter, WhenFilter
from apps.accounts.console.lists import ConsoleChangeList
from apps.accounts.console.seats import Seat, actor_of_request, require_actor, seat_of
from apps.accounts.console.sections import Fact, Section, document_section, table_section

__all__ = [
    "Button",
    "ChoiceFilter",
    "ConsoleAdmin",
    "ConsoleChangeList",
    "Fact",
    "Outcome",
    "Seat",
    "Section",
    "WhenFilter",
    "actor_of_request",
    "add_buttons",
    "add_sections",
    "add_tools",
    "document_section",
    "require_actor",
    "seat_of",
    "table_section",
]

"""What upper apps add to lower ones' pages, in AppConfig.ready or their admin module: sections, buttons, links."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from apps.accounts.console.buttons import Button
from apps.accounts.console.sections import Section
from apps.core.actors import Actor

MakeTools = Callable[[Actor, Any], Iterable[tuple[str, str]]]
MakeSections = Callable[[HttpRequest, Actor, Any], Iterable[Section]]

_sections: dict[type[Model], list[MakeSections]] = defaultdict(list)
_tools: dict[type[Model], list[MakeTools]] = defaultdict(list)
_buttons: dict[type[Model], list[Button]] = defaultdict(list)


def add_sections(model: type[Model], make: MakeSections) -> None:
    _sections[model].append(make)


def add_buttons(model: type[Model], *buttons: Button) -> None:
    _buttons[model].extend(buttons)


def add_tools(model: type[Model], make: MakeTools) -> None:
    """`make(actor, row)` gives (label, address) of further pages."""
    _tools[model].append(make)


def tools_of(actor: Actor, row: Model) -> list[tuple[str, str]]:
    return [tool for make in _tools[type(row)] for tool in make(actor, row)]


def sections_of(request: HttpRequest, actor: Actor, row: Model) -> list[Section]:
    return [section for make in _sections[type(row)] for section in make(request, actor, row)]


def buttons_of(model: type[Model]) -> list[Button]:
    return _buttons[model]

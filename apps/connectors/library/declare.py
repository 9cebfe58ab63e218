"""What a library connector is declared with. A changed declaration needs a new version: published ones stay."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

JSON = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """A component: `variables` and `output` are JSON Schemas, `logic` maps hooks to programs."""

    name: str
    label: str
    logic: JSON
    variables: JSON
    output: JSON = field(default_factory=dict)
    kind: str = "action"
    version: str = "1.0.0"
    description: str = ""
    document: JSON = field(default_factory=dict)  # members that only its kind has, such as an event's config
    extra_schema: JSON = field(default_factory=dict)  # such as a trigger's x-key and x-poll


@dataclass(frozen=True)
class Token:
    """A secret that callers send as they were given it. `config`: location, headerName, scheme, paramName."""

    name: str
    label: str
    config: JSON
    type: str = "apiKey"


@dataclass(frozen=True)
class Library:
    """A connector. Its parts are the modules beside it that declare PART."""

    name: str
    label: str
    package: str
    base_url: str = ""
    version: str = "1.0.0"
    securities: tuple[Token, ...] = ()
    logic: JSON = field(default_factory=dict)
    description: str = ""

    def parts(self) -> list[Part]:
        package = importlib.import_module(self.package)
        return [module.PART for module in _modules(package) if hasattr(module, "PART")]


def libraries() -> list[Library]:
    """Every folder of the library."""
    package = importlib.import_module("apps.connectors.library")
    return [module.LIBRARY for module in _modules(package) if hasattr(module, "LIBRARY")]


def action(name: str, label: str, *, steps: list[JSON], output: Any, variables: JSON, gives: JSON, **more: Any) -> Part:
    """An action whose input members are `variables` (properties; `x-required` marks the needed ones)."""
    return Part(
        name=name,
        label=label,
        logic={"execute": {"steps": steps, "output": output}},
        variables={"type": "object", "properties": variables, "additionalProperties": False},
        output=gives,
        **more,
    )


def text(title: str, *, required: bool = False, **more: Any) -> JSON:
    return {"type": "string", "title": title, **({"x-required": True, "minLength": 1} if required else {}), **more}


def _modules(package: ModuleType) -> list[ModuleType]:
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]

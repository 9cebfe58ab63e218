"""What the contracts document and what the URL map routes, as plain triples."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from django.urls import URLPattern, URLResolver, get_resolver
from jsonschema import Draft202012Validator

from tests.conftest import SHARED

METHODS = ("get", "post", "put", "patch", "delete")
BASES = {"celigo": "/v1", "interactor": "", "rely": "", "giosg": ""}
Triple = tuple[str, str, str]  # dialect, method, path with {} for each parameter


@cache
def contract(dialect: str) -> dict[str, Any]:
    text = (SHARED / "contracts" / f"{dialect}.openapi.yaml").read_text()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C takes a tenth of the time
    found: dict[str, Any] = yaml.load(text, Loader=loader)
    return found


def plain(path: str) -> str:
    return re.sub(r"{[^}]+}", "{}", path)


@cache
def documented() -> set[Triple]:
    found = set()
    for dialect, base in BASES.items():
        for path, operations in contract(dialect)["paths"].items():
            whole = plain((base + path).replace("{apiVersion}", "v1"))
            found |= {(dialect, method.upper(), whole) for method in operations if method in METHODS}
    return found


def described(operation: "Routed") -> dict[str, Any]:
    """What the contract says of a routed operation; empty for one it does not have."""
    for path, operations in contract(operation.dialect)["paths"].items():
        whole = plain((BASES[operation.dialect] + path).replace("{apiVersion}", "v1"))
        if whole == operation.triple[2] and operation.method.lower() in operations:
            return operations[operation.method.lower()]
    return {}


def resolve(dialect: str, part: dict[str, Any]) -> dict[str, Any]:
    """A part of a contract, its references followed."""
    while "$ref" in part:
        *_, group, name = part["$ref"].split("/")
        part = contract(dialect)["components"][group][name]
    return part


def hold(dialect: str, value: Any, part: dict[str, Any], *, what: str) -> None:
    """Fails, and says where, unless `value` is what the contract's schema allows."""
    schema = {**part, "components": contract(dialect)["components"]}
    errors = sorted(Draft202012Validator(schema).iter_errors(value), key=str)
    assert not errors, f"{what}: " + "; ".join(f"{e.json_path} {e.message[:200]}" for e in errors[:5])


@dataclass(frozen=True)
class Routed:
    dialect: str
    method: str
    path: str  # with named parameters in braces
    view: Any
    action: str

    @property
    def triple(self) -> Triple:
        return self.dialect, self.method, plain(self.path)


@cache
def routed() -> list[Routed]:
    return list(walk(get_resolver().url_patterns, "/"))


def walk(patterns: list[Any], prefix: str) -> Any:
    for pattern in patterns:
        text = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, text)
        elif isinstance(pattern, URLPattern) and text.startswith(("/v1/", "/api/")) and "schema" not in text:
            yield from operations_of(pattern, re.sub(r"<\w+:(\w+)>", r"{\1}", text))


def operations_of(pattern: URLPattern, path: str) -> Any:
    view = pattern.callback
    dialect = str(getattr(view.cls, "dialect", "") or "")
    actions = getattr(view, "actions", None)
    if not actions:
        actions = {method: method for method in METHODS if hasattr(view.cls, method)}
    for method, action in actions.items():
        if method not in METHODS:
            continue  # the framework adds HEAD when it first serves a GET
        yield Routed(dialect, method.upper(), path, view, action)

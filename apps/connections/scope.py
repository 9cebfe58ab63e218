"""What a component's program sees: connector, connection, variables, functions.

The surprise: variables and functions are read anew only when one of them has changed; their stamps are asked each time.
"""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.connections.access import OpenConnection
from apps.connections.documents import BasicAuth, HttpDocument, TokenAuth
from apps.connectors.models import Component, ComponentVersion, Connector, ConnectorVersion
from apps.engine.sandbox import SandboxError

RunFunction = Callable[[str, str, Any], Any]
KINDS = (Component.Kind.VARIABLE, Component.Kind.FUNCTION)
REMEMBERED = 512


def connector_scope(version: ConnectorVersion, *, connection: OpenConnection | None, base_url: str) -> dict[str, Any]:
    return {
        "name": version.connector.name,
        "version": version.name,
        "url": base_url,
        "token": _token(connection),
        "token_name": connection.name if connection else None,
        "virtual": str(connection.id) if connection and connection.id else None,
    }


def connection_scope(connection: OpenConnection | None) -> dict[str, Any]:
    """`encrypted` and `unencrypted` are the free values of an http connection; both are its owner's own."""
    if connection is None:
        return {}
    http = connection.values.get("http") or {}
    return {
        "id": str(connection.id) if connection.id else None,
        "name": connection.name,
        "settings": connection.values.get("settings") or {},
        "encrypted": http.get("encrypted") or {},
        "unencrypted": http.get("unencrypted") or {},
    }


def connector_values(connector: Connector, *, run: RunFunction) -> tuple[dict[str, Any], dict[str, Callable[..., Any]]]:
    """(`vars`, `fn`): the values of the connector's variables, and its JavaScript functions for programs to call."""
    values = _values_of(connector)
    functions = {name: _function(name, script, run) for name, script in values.functions.items()}
    return dict(values.variables), functions


def script_of(version: ComponentVersion) -> tuple[str, str] | None:
    """(source, function) of a JavaScript function component. It gets its plain argument, not the scope."""
    program = version.logic.get("execute") or {}
    return (program["source"], program.get("function") or "execute") if "source" in program else None


def _function(name: str, script: tuple[str, str], run: RunFunction) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        try:
            return run(*script, arguments[0] if len(arguments) == 1 else list(arguments))
        except SandboxError as error:
            raise SandboxError(f"fn.{name}: {error}") from error

    return call


@dataclass(frozen=True)
class _Values:
    stamps: list[Any]
    variables: Mapping[str, Any]
    functions: Mapping[str, tuple[str, str]]


_known: OrderedDict[uuid.UUID, _Values] = OrderedDict()
_lock = threading.Lock()


def _values_of(connector: Connector) -> _Values:
    rows = ComponentVersion.objects.filter(component__connector=connector, component__kind__in=KINDS)
    stamps = list(rows.order_by("id").values_list("id", "updated_at", "published", "component__updated_at"))
    with _lock:
        known = _known.get(connector.pk)
    if known is not None and known.stamps == stamps:
        return known
    variables: dict[str, Any] = {}
    functions: dict[str, tuple[str, str]] = {}
    for version in _newest(rows) if stamps else ():
        if version.component.kind == Component.Kind.VARIABLE:
            variables[version.component.name] = value_of(version)
        elif (script := script_of(version)) is not None:
            functions[version.component.name] = script
    known = _Values(stamps, variables, functions)
    with _lock:
        _known[connector.pk] = known
        _known.move_to_end(connector.pk)
        while len(_known) > REMEMBERED:
            _known.popitem(last=False)
    return known


def value_of(variable: ComponentVersion) -> Any:
    """Of its configuration the `value`, else the `default`."""
    config = {**variable.document, **(variable.document.get("config") or {})}
    return config.get("value", config.get("default"))


def _newest(rows: Any) -> list[ComponentVersion]:
    """Of each variable and function: the newest published version, else the newest."""
    found: dict[Any, ComponentVersion] = {}
    for version in rows.select_related("component").order_by("published", "number"):
        found[version.component_id] = version  # the last one wins: published before not, then the highest
    return list(found.values())


def _token(connection: OpenConnection | None) -> str | None:
    document = connection.document if connection else None
    if isinstance(document, HttpDocument):
        if isinstance(document.auth, TokenAuth):
            return document.auth.token
        if isinstance(document.auth, BasicAuth):
            return document.auth.password
    return None

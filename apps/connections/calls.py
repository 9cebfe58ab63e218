"""Runs a component: checks its input, performs what its program asks for, checks its output.

The program is a generator of effects (apps.engine.logic). What it did is in the journal, by path and iteration; a call
inside a call has its own paths below the caller's.
"""

from collections.abc import Callable, Generator, Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

from apps.connections import failures, tokens
from apps.connections.access import OpenConnection
from apps.connections.effects import Call, Effects
from apps.connections.failures import TargetRefusedError
from apps.connections.functions import FUNCTIONS
from apps.connections.scope import script_of
from apps.connectors.models import Component, ComponentVersion, ConnectorVersion
from apps.connectors.resolve import find_component, find_connector, find_version
from apps.connectors.validation import compile_program, input_schema
from apps.core import clock
from apps.core.errors import DomainError, UnavailableError, ValidationError, ValidationErrors
from apps.core.gateway import GatewayError, Mode
from apps.engine import schemas
from apps.engine.logic import (
    CallEffect,
    Effect,
    LogicError,
    LogicRunError,
    RequestEffect,
    RequestRefusedError,
    ScriptEffect,
    SetEffect,
)
from apps.engine.sandbox import SandboxError
from apps.engine.templates import RenderEnv

DEPTH = 8
OFFLINE_RETRY_SECONDS = 15
CALLABLE = {
    Component.Kind.ACTION,
    Component.Kind.CONDITION,
    Component.Kind.DATATYPE,
    Component.Kind.FUNCTION,
}


def call_component(
    *,
    call: Call,
    version: ConnectorVersion,
    component: ComponentVersion,
    input: Any,
    connection: OpenConnection | None,
    hook: str = "execute",
    check: bool = True,
) -> Any:
    """The output. Raises DomainErrors (see `failures`): bad input names its path, WaitError says when to go on."""
    shown = f"{version.connector.name}.{component.component.name}"
    if connection is not None and call.mode is not Mode.REPLAY:
        connection = tokens.fresh(connection)
    if connection is not None and connection.offline and call.mode is Mode.LIVE:
        raise UnavailableError(
            f"The connection {connection.name} is offline: {connection.offline_reason}",
            retry_after=OFFLINE_RETRY_SECONDS,
            code="connection_offline",
        )
    if check:
        check_input(component, input)
    program = component.logic.get(hook)
    if program is None:
        raise ValidationError(f"{shown} has no logic for {hook}.", code="no_logic")
    effects = _authorize(Effects(call=call, version=version, connection=connection), shown=shown)
    script = script_of(component) if component.component.kind == Component.Kind.FUNCTION else None
    if script is not None:
        output = _run_function(script, effects=effects, input=input, shown=shown)
    else:
        perform_call = _performer(call, version, connection)
        output = _run(program, effects=effects, input=input, shown=shown, perform_call=perform_call)
    if check and call.mode is Mode.LIVE:
        check_output(component, output, shown=shown)
    return output


def check_input(component: ComponentVersion, input: Any) -> None:
    """Raises ValidationErrors, each with the path of the wrong member."""
    schema = input_schema(component.schema.get("variables"))
    problems = schemas.check(schema, input) if schema else []
    if problems:
        errors = [ValidationError(f"{_at(path)}: {message}.", field=_at(path)) for path, message in problems]
        raise ValidationErrors(errors)


def check_output(component: ComponentVersion, output: Any, *, shown: str) -> None:
    schema = component.schema.get("output")
    problems = schemas.check(schema, output) if schema else []
    if problems:
        path, message = problems[0]
        where = f"output.{path}" if path else "output"
        raise failures.LogicFaultError(f"{shown} gave what its schema does not allow: {where}: {message}.")


def _run(
    document: Any,
    *,
    effects: Effects,
    input: Any,
    shown: str,
    perform_call: Callable[[CallEffect], Any],
) -> Any:
    recorded = _below(effects.call, effects.call.journal.recorded())
    try:
        env = RenderEnv(now=clock.now(), functions=FUNCTIONS)
        program = compile_program(document)
        scope = effects.scope(input, with_values=program.reads_values)
        run = program.run(scope, recorded=recorded, env=env)
        return _drive(run, partial(_perform, effects=effects, shown=shown, perform_call=perform_call))
    except LogicError as error:
        raise failures.LogicFaultError(f"{shown}: {error}") from error
    except LogicRunError as error:
        raise _explained(error, effects=effects, shown=shown) from error
    except SandboxError as error:  # a function that a template has called
        raise failures.LogicFaultError(f"{shown}: {error}") from error


def _run_function(script: tuple[str, str], *, effects: Effects, input: Any, shown: str) -> Any:
    """A function gets its plain argument, called by a step as by a template."""
    try:
        return effects.run_function(*script, input)
    except SandboxError as error:
        raise failures.of_script(error, path="source", shown=shown) from error


def _drive(run: Generator[Effect, Any, Any], perform: Callable[[Effect], Any]) -> Any:
    try:
        effect = next(run)
        while True:
            effect = run.send(perform(effect))
    except StopIteration as end:
        return end.value


def _perform(effect: Effect, *, effects: Effects, shown: str, perform_call: Callable[[CallEffect], Any]) -> Any:
    result: Any = None
    match effect:
        case RequestEffect():
            try:
                return effects.request(effect)
            except GatewayError as error:
                raise failures.of_gateway(error) from error
        case ScriptEffect():
            try:
                result = effects.script(effect)
            except SandboxError as error:
                raise failures.of_script(error, path=effect.path, shown=shown) from error
        case CallEffect():
            result = perform_call(effect)
        case SetEffect():
            result = effect.values  # kept, so that a resumed run goes on with the same ids and times
    effects.keep(effect, result)
    return result


def _performer(call: Call, version: ConnectorVersion, connection: OpenConnection | None) -> Callable[[CallEffect], Any]:
    def perform(effect: CallEffect) -> Any:
        if call.depth + 1 >= DEPTH:
            raise failures.LogicFaultError(f"Components call each other more than {DEPTH} deep.")
        if effect.kind not in CALLABLE:
            raise failures.LogicFaultError(f"{effect.path}: a {effect.kind} cannot be called.")
        inner_version, inner_connection = version, connection
        if effect.connector is not None:
            other = find_connector(effect.connector, organization_id=call.organization_id)
            if other.pk != version.connector_id:
                inner_version = find_version(other)
                inner_connection = call.connection_for(other, inner_version) if call.connection_for else None
        inner = find_component(inner_version.connector, effect.component, kind=effect.kind)
        return call_component(
            call=call.below(effect),
            version=inner_version,
            component=inner,
            input=effect.input,
            connection=inner_connection,
        )

    return perform


def run_version_hook(*, call: Call, version: ConnectorVersion, hook: str, input: Any) -> Any:
    """What a hook of a connector version says to `input`; None where it has none."""
    document = version.logic.get(hook)
    if document is None:
        return None
    effects = Effects(call=call.inside(hook), version=without_hooks(version), connection=None)
    shown = f"{version.connector.name} {version.name} {hook}"
    return _run(document, effects=effects, input=input, shown=shown, perform_call=_no_calls)


def _no_calls(effect: CallEffect) -> Any:
    raise failures.LogicFaultError(f"{effect.path}: this hook of a connector version cannot call components.")


def _explained(error: LogicRunError, *, effects: Effects, shown: str) -> DomainError:
    """The failure; a refused request in the words of the connector version's `error` hook, where it has one."""
    told = failures.of_logic(error, shown=shown)
    document = effects.version.logic.get("error")
    if document is None or not isinstance(error, RequestRefusedError) or not isinstance(told, TargetRefusedError):
        return told
    own = replace(effects, version=without_hooks(effects.version), call=effects.call.inside("error"))
    words = _run(document, effects=own, input=error.response, shown=shown, perform_call=_no_calls)
    return TargetRefusedError(str(words), target_status=told.target_status) if words else told


def _authorize(effects: Effects, *, shown: str) -> Effects:
    """What the connector version's `auth` hook adds to every request: {headers, query}."""
    document = effects.version.logic.get("auth")
    if document is None or effects.connection is None:
        return effects
    own = replace(effects, version=without_hooks(effects.version), call=effects.call.inside("auth"))
    added = _run(document, effects=own, input={}, shown=shown, perform_call=_no_calls)
    if not isinstance(added, dict):
        raise failures.LogicFaultError(f"{shown}: the auth hook must give an object with headers and query.")
    headers, query = added.get("headers") or {}, added.get("query") or {}
    if not isinstance(headers, dict) or not isinstance(query, dict):
        raise failures.LogicFaultError(f"{shown}: the auth hook's headers and query must be objects.")
    return replace(effects, headers={str(k): str(v) for k, v in headers.items()}, query=query)


def without_hooks(version: ConnectorVersion) -> ConnectorVersion:
    """For running a hook itself: a hook that fails is not explained by a hook."""
    bare = copy(version)
    bare.logic = {}
    return bare


def _below(call: Call, recorded: Mapping[tuple[str, str], Any]) -> Mapping[tuple[str, str], Any]:
    """What this program's effects are recorded as: their own paths, without the caller's before them."""
    own = {}
    for (path, iteration), outcome in recorded.items():
        if path.startswith(call.path) and iteration.startswith(call.iteration):
            own[path[len(call.path) :], iteration[len(call.iteration) :]] = outcome
    return own


def _at(path: str) -> str:
    return f"input.{path}" if path else "input"

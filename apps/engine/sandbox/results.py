"""Reading what a script's function gave back: one letter for what it is, then JSON text."""

from __future__ import annotations

from typing import Any

import orjson

from apps.engine.json_values import load_json
from apps.engine.sandbox.errors import ScriptError, ScriptFunctionError, ScriptOutputError
from apps.engine.sandbox.guest import Guest
from apps.engine.sandbox.limits import Limits
from apps.engine.sandbox.loading import read_thrown, thrown_error

PENDING = b"p"


def call_function(
    guest: Guest, bootstrap: tuple[int, ...], *, function: str, argument: bytes, given: bytes = b""
) -> bytes:
    """`given`: the names, as JSON, of the functions that the argument's `fn` is to hold."""
    invoke, outcome, *_ = bootstrap
    limit = guest.number(guest.limits.output_bytes)
    result = guest.invoke(invoke, guest.string(function.encode()), guest.string(argument), limit, guest.string(given))
    answer = guest.text(result)
    if answer == PENDING:
        while answer == PENDING and guest.run_jobs():
            answer = guest.text(guest.invoke(outcome))
    return answer or b""


def read_value(answer: bytes, *, function: str, limits: Limits) -> Any:
    kind, body = answer[:1], answer[1:]
    if kind == b"v":
        if len(body) > limits.output_bytes:
            raise _too_large(limits)
        try:
            return load_json(body)
        except orjson.JSONDecodeError as error:
            raise ScriptOutputError(f"the result of {function} is not valid JSON: {error}") from None
    if kind == b"e":
        raise thrown_error(read_thrown(answer))
    if kind == b"m":
        raise ScriptFunctionError(f"the script has no function '{function}'")
    if kind == b"o":
        raise _too_large(limits)
    if kind == b"j":
        raise ScriptOutputError(f"the result of {function} is not JSON: {read_thrown(body).message}")
    if kind == b"t":
        raise ScriptOutputError(f"the result of {function} is not JSON: it is a {body.decode(errors='replace')[:20]}")
    if kind == PENDING:
        raise ScriptError(f"{function} returned a promise that never settles", name="TypeError")
    raise ScriptOutputError(f"the result of {function} cannot be read")


def _too_large(limits: Limits) -> ScriptOutputError:
    return ScriptOutputError(f"the result is larger than {limits.output_bytes} bytes")

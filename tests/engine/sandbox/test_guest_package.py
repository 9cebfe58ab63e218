"""The pinned package still brings the guest we were written against: its version, imports, exports and answers."""

from __future__ import annotations

from importlib.metadata import version

import wasmtime

from apps.engine.sandbox.machine import IMPORTS, machine

EXPORTS = {
    "memory",
    "__stack_pointer",
    "call_function",
    "eval_code",
    "eval_module",
    "execute_pending_jobs",
    "get_index",
    "get_string",
    "global_object",
    "last_exception",
    "new_function",
    "new_number",
    "new_string",
    "new_undefined",
    "qjs_alloc",
    "qjs_free",
    "qjs_last_len",
    "qjs_last_ptr",
    "qjs_result_free",
    "set_memory_limit",
    "set_prop",
}


def test_the_versions_are_the_ones_that_were_proved():
    assert version("quickjs-rs") == "0.2.6"
    assert version("wasmtime").split(".")[0] == "50"


def test_the_guest_imports_nothing_that_we_did_not_write():
    assert {imported.name for imported in machine().module.imports} == set(IMPORTS)


def test_the_guest_exports_what_we_call():
    assert {exported.name for exported in machine().module.exports} >= EXPORTS


def test_images_may_leave_out_tables_and_globals_because_only_the_stack_pointer_changes():
    mutable = [
        exported.name
        for exported in machine().module.exports
        if isinstance(exported.type, wasmtime.GlobalType) and exported.type.mutable
    ]
    assert mutable == ["__stack_pointer"]

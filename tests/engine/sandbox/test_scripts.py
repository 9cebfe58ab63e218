"""What scripts may do: functions by name, values both ways, modules, console."""

from __future__ import annotations

import pytest

from apps.engine.sandbox import (
    Limits,
    PortError,
    Sandbox,
    ScriptError,
    ScriptFunctionError,
    ScriptImportError,
    ScriptInputError,
    ScriptOutputError,
    ScriptSyntaxError,
)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(Limits(seconds=20))


def test_a_page_goes_in_and_a_page_comes_out(sandbox):
    source = "function preMap(options) { return options.data.map((r) => ({ data: { id: r.id, total: r.n * 2 } })); }"
    page = [{"id": f"é{i}", "n": i} for i in range(100)]
    result = sandbox.run_function(source, "preMap", {"data": page})
    assert result == [{"data": {"id": f"é{i}", "total": i * 2}} for i in range(100)]


@pytest.mark.parametrize(
    "source",
    [
        "function f(x) { return x + 1; }",
        "const f = (x) => x + 1;",
        "let f; f = function (x) { return x + 1; };",
        "async function f(x) { await null; return x + 1; }",
        "export function f(x) { return x + 1; }",
        "export const f = (x) => x + 1; // ends in a comment",
        "/*\nimport notes\n*/ function f(x) { y = x + 1; return y; }",
    ],
)
def test_a_function_is_found_however_it_was_written(sandbox, source):
    assert sandbox.run_function(source, "f", 2) == 3


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("undefined", None),
        ("null", None),
        ("NaN", None),
        ("[undefined, () => 1]", [None, None]),
        ("({a: undefined, b: 1})", {"b": 1}),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("'\\u{1F600}'", "\U0001f600"),
        ("-0.5", -0.5),
    ],
)
def test_results_are_what_json_makes_of_them(sandbox, expression, value):
    assert sandbox.run_function(f"function f() {{ return {expression}; }}", "f", None) == value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("10n", "BigInt"),
        ("Symbol('s')", "symbol"),
        ("f", "function"),
        ("(() => { const a = {}; a.a = a; return a; })()", "circular"),
        ("'\\ud800'", "surrogate"),
    ],
)
def test_a_result_that_is_not_json_says_why(sandbox, expression, said):
    with pytest.raises(ScriptOutputError, match=said):
        sandbox.run_function(f"function f() {{ return {expression}; }}", "f", None)


def test_an_exception_carries_name_message_and_line(sandbox):
    with pytest.raises(ScriptError) as caught:
        sandbox.run_function("function f() {\n\n  throw new TypeError('no such account');\n}", "f", None)
    assert (caught.value.name, caught.value.message, caught.value.line) == ("TypeError", "no such account", 3)


@pytest.mark.parametrize(("thrown", "message"), [("'text'", "text"), ("42", "42"), ("({message: 'm'})", "m")])
def test_anything_may_be_thrown(sandbox, thrown, message):
    with pytest.raises(ScriptError) as caught:
        sandbox.run_function(f"function f() {{ throw {thrown}; }}", "f", None)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("source", "line"), [("\n\nconst a = ;", 3), ("import x from 'y';\n\n}", 3), ("function f( {", 1)]
)
def test_a_syntax_error_names_its_line(sandbox, source, line):
    with pytest.raises(ScriptSyntaxError) as caught:
        sandbox.check(source)
    assert caught.value.line == line


@pytest.mark.parametrize("name", ["absent", "if", "a.b", "f()", "", "constructor['x']", "f\n"])
def test_a_function_that_is_not_there_is_told_as_such(sandbox, name):
    with pytest.raises(ScriptFunctionError):
        sandbox.run_function("function f() {}", name, None)


@pytest.mark.parametrize("argument", [object(), {1, 2}, {"a": 2**70}])
def test_an_argument_that_is_not_json_is_refused(sandbox, argument):
    with pytest.raises(ScriptInputError):
        sandbox.run_function("function f(x) { return x; }", "f", argument)


def test_a_promise_that_never_settles_is_an_error(sandbox):
    with pytest.raises(ScriptError, match="never settles"):
        sandbox.run_function("function f() { return new Promise(() => {}); }", "f", None)


def test_globals_do_not_carry_over_to_the_next_call(sandbox):
    source = "let n = 0; function f() { n += 1; globalThis.seen = (globalThis.seen || 0) + 1; return [n, seen]; }"
    assert [sandbox.run_function(source, "f", None) for _ in range(3)] == [[1, 1]] * 3


def test_random_numbers_and_the_clock_are_fresh_in_every_call():
    now = iter(range(0, 10**15, 10**9))
    sandbox = Sandbox(clock_ns=lambda: next(now))
    source = "const top = Math.random(); function f() { return [top, Math.random(), Date.now()]; }"
    calls = [sandbox.run_function(source, "f", None) for _ in range(3)]
    for position in range(3):
        assert len({call[position] for call in calls}) == 3
    assert all(0 <= call[0] < 1 and 0 <= call[1] < 1 for call in calls)


# -- console ---------------------------------------------------------------------------------------------------------


def test_the_console_is_heard(sandbox):
    lines: list[tuple[str, str]] = []
    source = "function f() { console.log('a', {b: 1}, [2], null); console.error(new Error('bad')); console.debug(7); }"
    sandbox.run_function(source, "f", None, on_log=lambda level, line: lines.append((level, line)))
    assert lines == [("log", 'a {"b":1} [2] null'), ("error", "Error: bad"), ("debug", "7")]


def test_console_output_is_bounded_and_says_so(sandbox):
    lines: list[str] = []
    source = "function f() { for (let i = 0; i < 500; i++) console.log('x'.repeat(10000)); return 'done'; }"
    result = sandbox.run_function(source, "f", None, on_log=lambda _, line: lines.append(line))
    assert result == "done"
    assert sum(map(len, lines)) < 70_000
    assert lines[-1] == "further console output of this call was dropped"


def test_what_is_logged_while_loading_is_heard_in_every_call(sandbox):
    lines: list[str] = []
    for _ in range(2):
        sandbox.run_function(
            "console.log('loaded'); function f() {}", "f", None, on_log=lambda _, line: lines.append(line)
        )
    assert lines == ["loaded", "loaded"]


# -- modules ---------------------------------------------------------------------------------------------------------


def test_a_script_calls_the_ports_it_was_given(sandbox):
    source = """import { exports as e, ping } from 'integrator-api';
    import api from 'integrator-api';
    function f(o) { return [e.run({ _id: o.id }), ping(1, 2), api.exports.get('x')]; }"""
    ports = {"exports.run": lambda o: {"data": [o]}, "exports.get": lambda i: i, "ping": lambda a, b: a + b}
    result = sandbox.run_function(source, "f", {"id": "7"}, modules={"integrator-api": ports})
    assert result == [{"data": [{"_id": "7"}]}, 3, "x"]


def test_a_ports_refusal_is_an_exception_the_script_may_catch(sandbox):
    def refuse(_id):
        raise PortError("not in this integration")

    source = """import { exports } from 'integrator-api';
    function f() { try { exports.get(1) } catch (e) { return e.message } }"""
    modules = {"integrator-api": {"exports.get": refuse}}
    assert sandbox.run_function(source, "f", None, modules=modules) == "not in this integration"


def test_any_other_exception_of_a_port_ends_the_script_and_comes_out_as_it_was(sandbox):
    class LeaseLostError(Exception):
        pass

    calls = []

    def lose():
        calls.append(1)
        raise LeaseLostError

    source = "import { go } from 'm'; function f() { for (;;) { try { go() } catch (e) {} } }"
    with pytest.raises(LeaseLostError):
        sandbox.run_function(source, "f", None, modules={"m": {"go": lose}})
    assert len(calls) == 1


def test_calls_to_ports_are_counted(sandbox):
    calls = []
    source = "import { go } from 'm'; function f() { for (;;) { try { go() } catch (e) {} } }"
    with pytest.raises(ScriptError, match="more than 5 calls"):
        sandbox.run_function(
            source, "f", None, limits=Limits(port_calls=5), modules={"m": {"go": lambda: calls.append(1)}}
        )
    assert len(calls) == 5


@pytest.mark.parametrize("name", ["dayjs", "sjcl", "fs", "./other.js", "node:process"])
def test_a_module_that_is_not_offered_is_named(sandbox, name):
    source = f"import thing from '{name}';\nfunction f() {{}}"
    with pytest.raises(ScriptImportError) as caught:
        sandbox.run_function(source, "f", None, modules={"integrator-api": {"ping": lambda: 1}})
    assert str(caught.value) == f"module '{name}' is not available in the sandbox (available: integrator-api)"


def test_a_module_may_be_given_as_source(sandbox):
    modules = {"dayjs": "export default (x) => `day ${x}`;"}
    assert (
        sandbox.run_function("import d from 'dayjs'; function f(x) { return d(x); }", "f", 3, modules=modules)
        == "day 3"
    )


def test_a_script_may_run_a_script_through_a_port_and_not_without_end(sandbox):
    source = "import { again } from 'm'; function f(n) { return n ? again(n - 1) + 1 : 0; }"

    def again(n):
        return sandbox.run_function(source, "f", n, modules={"m": {"again": again}})

    assert again(2) == 2
    with pytest.raises(ScriptError, match="more than 3 deep"):
        again(3)
    assert again(1) == 1

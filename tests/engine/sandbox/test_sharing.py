"""Threads, forks, tenants, and what is kept between calls."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest

from apps.engine.sandbox import Limits, Sandbox, ScriptMemoryError, ScriptTimeoutError

DOUBLE = "function f(x) { return x * 2; }"


def test_many_threads_run_many_scripts():
    sandbox = Sandbox(Limits(seconds=30), max_running=3)

    def work(n):
        return sandbox.run_function(f"const k = {n % 5}; function f(x) {{ return x * k; }}", "f", n)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(60))) == [n * (n % 5) for n in range(60)]


def test_an_exception_of_one_threads_port_does_not_reach_another():
    sandbox = Sandbox(Limits(seconds=30))
    source = "import { go } from 'm'; function f(x) { return go(x); }"

    def go(x):
        if x % 2:
            raise LookupError(str(x))
        return x

    def work(n):
        try:
            return sandbox.run_function(source, "f", n, modules={"m": {"go": go}})
        except LookupError as error:
            return f"raised {error}"

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(40))) == [f"raised {n}" if n % 2 else n for n in range(40)]


def test_one_script_that_loops_does_not_stop_another_thread():
    sandbox = Sandbox(Limits(seconds=30), max_running=2)
    started, errors = Event(), []
    source = "import { go } from 'm'; function f() { go(); for (;;); }"

    def loop():
        try:
            sandbox.run_function(source, "f", None, limits=Limits(seconds=1), modules={"m": {"go": started.set}})
        except ScriptTimeoutError as error:
            errors.append(str(error))

    thread = Thread(target=loop)
    thread.start()
    assert started.wait(30)
    assert sandbox.run_function(DOUBLE, "f", 4) == 8
    thread.join(60)
    assert errors == ["the script ran longer than 1 s"]


def test_time_in_a_port_is_not_the_scripts_time():
    sandbox = Sandbox(Limits(seconds=0.3))
    gate = Event()
    source = "import { wait } from 'm'; function f() { return wait(); }"

    def wait():
        gate.wait(0.8)
        return "waited"

    assert sandbox.run_function(source, "f", None, modules={"m": {"wait": wait}}) == "waited"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks only where there are forks")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_child_runs_and_stops_scripts():
    sandbox = Sandbox(Limits(seconds=0.3))
    assert sandbox.run_function(DOUBLE, "f", 1) == 2
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        code = 1
        try:
            if sandbox.run_function(DOUBLE, "f", 21) == 42:
                sandbox.run_function("function f() { for (;;); }", "f", None)
        except ScriptTimeoutError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_tenants_do_not_share_images():
    sandbox = Sandbox(Limits(seconds=30))
    for tenant in ("a", "b", "a"):
        sandbox.run_function(DOUBLE, "f", 1, tenant=tenant)
    assert sandbox.images.stats()[0] == 2


def test_what_is_kept_is_bounded_in_number_and_bytes():
    sandbox = Sandbox(Limits(seconds=30), max_images=3, max_image_bytes=4 * 1024 * 1024)
    for n in range(6):
        sandbox.run_function(f"const k = {n}; function f() {{ return k; }}", "f", None)
        assert sandbox.images.stats()[0] <= 3
    sandbox.run_function("const big = new Uint8Array(8e6).fill(1); function f() { return big[9]; }", "f", None)
    count, size = sandbox.images.stats()
    assert count == 3
    assert size < 4 * 1024 * 1024


def test_a_script_that_throws_while_loading_is_not_kept():
    sandbox = Sandbox(Limits(seconds=30))
    with pytest.raises(Exception, match="top"):
        sandbox.run_function("throw new Error('top');", "f", None)
    assert sandbox.images.stats() == (0, 0)


def test_limits_can_be_smaller_for_one_call():
    sandbox = Sandbox(Limits(seconds=30))
    source = "function f(n) { return new Uint8Array(n).length; }"
    assert sandbox.run_function(source, "f", 20_000_000) == 20_000_000
    with pytest.raises(ScriptMemoryError):
        sandbox.run_function(source, "f", 20_000_000, limits=Limits(seconds=30, memory_bytes=8 * 1024 * 1024))


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"memory_bytes": 1}, {"output_bytes": 0}, {"port_calls": -1}])
def test_senseless_limits_are_refused(wrong):
    with pytest.raises(ValueError, match="limits"):
        Limits(**wrong)

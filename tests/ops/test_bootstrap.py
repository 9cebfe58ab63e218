"""`manage.py` on a machine with only Python: makes its environment once, whole or not at all.

The library it installs here is a stand-in of a few bytes in a folder of wheels: no network, and seconds, not minutes.
"""

import ast
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.processes import MANAGE

SAYS = """import os, sys
def execute_from_command_line(argv):
    print("ran", *argv[1:], "in", os.path.relpath(sys.prefix, os.path.dirname(os.path.realpath(argv[0]))))
"""
SLOW = "import time, pathlib; pathlib.Path({started!r}).touch(); time.sleep(60)"


@pytest.fixture
def house(tmp_path) -> Path:
    return build_house(tmp_path)


@pytest.fixture(scope="module")
def first_start(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    top = build_house(tmp_path_factory.mktemp("first"))
    return top, start(top, "up", "--port", "1")


@pytest.fixture
def lived_in(first_start, tmp_path) -> Path:
    """A house after its first start."""
    shutil.copytree(first_start[0].parent, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path / "house"


def build_house(tmp_path: Path) -> Path:
    """A clone with manage.py, a lock and the wheels that the lock names."""
    top = tmp_path / "house"
    (top / "config").mkdir(parents=True)
    shutil.copy(MANAGE, top)
    (tmp_path / "wheels").mkdir()
    write_lock(top, [make_wheel(tmp_path / "wheels", name="django", module="django/core/management", text=SAYS)])
    return top


def make_wheel(folder: Path, *, name: str, module: str, text: str) -> tuple[str, str]:
    """Returns the name and the hash of what lands in the folder."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        parents = Path(module).parts
        for depth in range(1, len(parents)):
            wheel.writestr("/".join(parents[:depth]) + "/__init__.py", "")
        wheel.writestr(f"{module}/__init__.py", text)
        info = f"{name}-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return name, hashlib.sha256(path.read_bytes()).hexdigest()


def write_lock(top: Path, wheels: list[tuple[str, str]]) -> None:
    text = "".join(f"{name}==1.0 \\\n    --hash=sha256:{digest}\n" for name, digest in wheels)
    for lock in ("requirements.lock", "requirements-dev.lock"):
        (top / "config" / lock).write_text(text)


def bare(top: Path, **variables: str) -> dict[str, str]:
    """An environment without anything of ours: no site packages of the test run, no index, no cache."""
    return {
        "PATH": os.defpath, "HOME": str(top), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(top.parent / "wheels"),
        "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", **variables,
    }  # fmt: skip


def python() -> str:
    """The interpreter that the test run's environment was made with: it has none of our libraries."""
    return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info[1]}")


def start(top: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [python(), str(top / "manage.py"), *arguments]
    return subprocess.run(command, env=bare(top, **variables), capture_output=True, text=True, check=False, timeout=120)


def begin(top: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [python(), str(top / "manage.py"), *arguments]
    return subprocess.Popen(
        command, env=bare(top), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_the_first_start_installs_and_the_second_only_runs(first_start):
    house, first = first_start
    assert (first.returncode, first.stdout) == (0, "ran up --port 1 in .venv\n"), first.stderr
    assert "Installing the libraries" in first.stderr
    second = start(house, "up")
    assert (second.returncode, second.stdout, second.stderr) == (0, "ran up in .venv\n", "")


def test_a_new_lock_is_installed_by_the_next_start(lived_in):
    wheels = lived_in.parent / "wheels"
    both = [make_wheel(wheels, name=name, module=name, text="") for name in ("added", "other")]
    write_lock(lived_in, both)
    again = start(lived_in, "up")
    assert "Installing the libraries" in again.stderr
    assert again.stdout == "ran up in .venv\n"
    assert any(lived_in.glob(".venv/lib/*/site-packages/added-1.0.dist-info"))


def test_an_environment_that_has_what_it_needs_is_not_touched(lived_in):
    own = lived_in.parent / "own"
    (lived_in / ".venv").rename(own)
    (own / "junction-locks").unlink()
    command = [str(own / "bin" / "python"), str(lived_in / "manage.py"), "up"]
    done = subprocess.run(command, env=bare(lived_in), capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("ran up in ../own\n", "")
    assert not (lived_in / ".venv").exists()


def test_somebodys_own_environment_beside_it_is_used_and_filled_not_replaced(lived_in):
    (lived_in / ".venv" / "junction-locks").unlink()
    (lived_in / ".venv" / "notes.txt").write_text("mine")
    assert start(lived_in, "up").stdout == "ran up in .venv\n"
    write_lock(lived_in, [make_wheel(lived_in.parent / "wheels", name="added", module="added", text="")])
    assert start(lived_in, "up").stdout == "ran up in .venv\n"
    assert (lived_in / ".venv" / "notes.txt").read_text() == "mine"
    assert any(lived_in.glob(".venv/lib/*/site-packages/added-1.0.dist-info"))


def test_a_killed_install_is_begun_anew_once_its_pip_has_ended_too(house, tmp_path):
    started = tmp_path / "started"
    fast = (house / "config" / "requirements.lock").read_text()
    write_lock(house, [make_source(tmp_path / "wheels", name="slow", setup=SLOW.format(started=str(started)))])
    first = begin(house, "up")
    wait_until(started.exists)
    first.send_signal(signal.SIGKILL)  # its pip goes on
    (house / "config" / "requirements.lock").write_text(fast)
    second = begin(house, "up")
    assert second.stderr is not None
    assert second.stderr.readline() == "Another start is installing the libraries: waiting for it.\n"
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate(timeout=60)
    output, errors = second.communicate(timeout=120)
    assert (second.returncode, output) == (0, "ran up in .venv\n"), errors


def test_two_starts_at_once_install_once(lived_in):
    write_lock(lived_in, [make_wheel(lived_in.parent / "wheels", name="added", module="added", text="")])
    both = [begin(lived_in, "up"), begin(lived_in, "up")]
    said = [process.communicate(timeout=120) for process in both]
    assert [output for output, _ in said] == ["ran up in .venv\n"] * 2
    assert sum("Installing the libraries" in errors for _, errors in said) == 1


def test_without_a_network_it_ends_with_a_sentence_and_a_command(lived_in):
    write_lock(lived_in, [("absent", "0" * 64)])
    done = start(lived_in, "up")
    assert done.returncode == 1
    assert "The libraries could not be installed (ERROR: No matching distribution found for absent==1.0" in done.stderr
    assert done.stderr.splitlines()[-1] == "  PIP_NO_INDEX=1 PIP_FIND_LINKS=<folder of wheels> python3 manage.py up"


def test_without_ensurepip_it_ends_with_a_sentence_and_a_command(house, tmp_path):
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "ensurepip.py").write_text("raise ImportError('not packaged')")
    done = start(house, "up", PYTHONPATH=str(tmp_path / "without"))
    assert done.returncode == 1
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert done.stderr.splitlines() == [
        "This Python lacks ensurepip, which installs libraries. Try:",
        f"  apt-get install python{version}-venv && python3 manage.py up",
    ]
    assert not (house / ".venv").exists()


def test_a_wrong_hash_is_refused(lived_in):
    name, _ = make_wheel(lived_in.parent / "wheels", name="added", module="added", text="print('tampered')")
    write_lock(lived_in, [(name, "0" * 64)])
    assert start(lived_in, "up").returncode == 1
    assert not any(lived_in.glob(".venv/lib/*/site-packages/added"))


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 13), (3, 14, 0)])
def test_a_python_that_does_not_fit_ends_with_a_sentence_and_a_command(house, tmp_path, version):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(f"import sys; sys.version_info = {version!r}")
    done = start(house, "up", "--no-demo", PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 1
    sentence, command = done.stderr.splitlines()
    assert sentence == f"Junction needs Python 3.11, 3.12 or 3.13, and this is 3.{version[1]}. Try:"
    assert command.endswith(" manage.py up --no-demo")


def test_it_parses_on_python_3_8():
    ast.parse(MANAGE.read_text(), feature_version=(3, 8))


def old_interpreters() -> list[str]:
    found = [str(path) for path in Path.home().glob(".pyenv/versions/3.[89].*/bin/python3")]
    return found or list(filter(None, map(shutil.which, ("python3.8", "python3.9", "python3.10"))))


def test_real_old_interpreters_say_it_too(house):
    for interpreter in old_interpreters():
        done = subprocess.run(
            [interpreter, str(house / "manage.py"), "up"], capture_output=True, text=True, check=False
        )
        assert done.stderr.startswith("Junction needs Python 3.11, 3.12 or 3.13, and this is 3."), interpreter


def make_source(folder: Path, *, name: str, setup: str) -> tuple[str, str]:
    """A source archive whose build runs `setup`: an install that lasts."""
    path = folder / f"{name}-1.0.zip"
    backend = f"{setup}\ndef build_wheel(*a, **k): pass\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{name}-1.0/pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n'
        )
        archive.writestr(f"{name}-1.0/b.py", backend)
        archive.writestr(f"{name}-1.0/PKG-INFO", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    return name, hashlib.sha256(path.read_bytes()).hexdigest()


def wait_until(condition, *, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "not within the time"
        time.sleep(0.02)

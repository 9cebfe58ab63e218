#!/usr/bin/env python3
"""Starts Junction, on a machine with only Python too: `python3 manage.py up`, `python3 manage.py test`.

The surprise: when the libraries of the lock are missing, it makes .venv beside itself, installs them there and runs
itself again. The standard library only, and nothing that Python 3.8 cannot parse: an old Python gets a sentence.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
VENV = HERE / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
# Makes the environment ours to rebuild: digests of the locks it holds, or nothing while an install is under way.
MARKER = VENV / "junction-locks"
LOCKS = [HERE / "config" / "requirements.lock", HERE / "config" / "requirements-dev.lock"]


def main():
    this = " ".join(["manage.py", *sys.argv[1:]])
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        names = ["python3.13", "python3.12", "python3.11"]
        helps = next(filter(runs, names), "apt-get install python3.11 && python3.11")
        stop(f"Junction needs Python 3.11, 3.12 or 3.13, and this is {VERSION}.", helps + " " + this)
    testing = sys.argv[1:2] == ["test"]
    locks = LOCKS if testing else LOCKS[:1]  # the development lock holds everything the other one does
    if not is_ready(locks):
        install(locks, "python3 " + this)
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), str(HERE / "manage.py"), *sys.argv[1:]])
    if testing:
        import pytest

        os.chdir(HERE)
        sys.exit(pytest.main(sys.argv[2:] or ["-n", "auto"]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def is_ready(locks):
    """Whether this Python has what the locks name; an environment that somebody else made is judged by names alone."""
    if Path(sys.prefix).resolve() == VENV and MARKER.exists():
        return holds(locks)
    from importlib import metadata

    lines = locks[-1].read_text().splitlines()
    names = [line.split("==")[0].split("[")[0] for line in lines if "==" in line and ";" not in line]
    try:
        return all(metadata.distribution(name) for name in names)
    except metadata.PackageNotFoundError:
        return False


def install(locks, this):
    """Leaves the environment with the locks' libraries, or ends the process with a sentence."""
    import fcntl

    with Path(__file__).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Another start is installing the libraries: waiting for it.", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        ours = MARKER.exists() or not VENV.is_dir() or not any(VENV.iterdir())
        if ours and not (VENV_PYTHON.exists() and holds([])):
            shutil.rmtree(VENV, ignore_errors=True)  # an install was cut short, or the environment's Python has gone
            make_environment(lock, this)
        if not VENV_PYTHON.exists():
            stop(f"{VENV} is there, but is no Python environment.", f"rm -r {VENV} && {this}")
        if holds(locks) or not (ours or Path(sys.prefix).resolve() == VENV):
            return  # another start has done it; or it is somebody's own, and will judge itself when run in it
        print(f"Installing the libraries into {VENV} (once, about a minute).", file=sys.stderr)
        MARKER.write_text("")
        pip = [str(VENV_PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
        # The lock goes down to pip: should this process be killed, nobody else installs until pip has ended too.
        pip += ["--no-deps", "--no-compile", "-r", str(locks[-1])]
        done = subprocess.run(pip, stderr=subprocess.PIPE, text=True, check=False, pass_fds=[lock.fileno()])
        if done.returncode:
            said = (done.stderr.strip().splitlines() or [f"pip ended with code {done.returncode}"])[-1]
            offline = f"PIP_NO_INDEX=1 PIP_FIND_LINKS=<folder of wheels> {this}"
            stop(f"The libraries could not be installed ({said}). Without a network, bring them.", offline)
        part = MARKER.with_suffix(".part")
        part.write_text("installed " + " ".join(map(digest, locks)))
        part.replace(MARKER)


def make_environment(lock, this):
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = f"python{VERSION}-venv"
        stop("This Python lacks ensurepip, which installs libraries.", f"apt-get install {package} && {this}")
    VENV.mkdir()
    MARKER.write_text("")
    if subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False, pass_fds=[lock.fileno()]).returncode:
        stop(f"Python could not make an environment in {VENV}.", f"rm -r {VENV} && {this}")


def holds(locks):
    found = MARKER.read_text().split() if MARKER.exists() else []
    return {"installed", *map(digest, locks)} <= set(found)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def runs(name):
    found = shutil.which(name)
    return found and subprocess.run([found, "-c", ""], stderr=subprocess.DEVNULL, check=False).returncode == 0


def stop(sentence, command):
    sys.exit(f"{sentence} Try:\n  {command}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

"""The locks: whole, hashed, silent about where packages come from, and in step with pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).resolve().parents[2]
LOCKS = {name: (TOP / "config" / name).read_text() for name in ("requirements.lock", "requirements-dev.lock")}
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))? \\$", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    return {canonicalize_name(package): version for package, version, _ in PIN.findall(LOCKS[name])}


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_a_pin_or_a_hash(name):
    for line in LOCKS[name].splitlines():
        assert PIN.match(line) or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?", line), line
    assert "://" not in LOCKS[name]


@pytest.mark.parametrize(("name", "group"), [("requirements.lock", None), ("requirements-dev.lock", "dev")])
def test_what_pyproject_asks_for_is_pinned_in_its_range(name, group):
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + (project["dependency-groups"][group] if group else [])
    found = pins(name)
    for text in wanted:
        requirement = Requirement(text)
        assert requirement.specifier.contains(found[canonicalize_name(requirement.name)]), text


def test_the_development_lock_holds_everything_the_other_one_does():
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()

"""Version names: `2` counts as `2.0.0`, and `minor` or `major` name the next one. Other texts are names as such."""

import re

from apps.core.errors import ValidationError

FIRST = "1.0.0"
BUMPS = ("minor", "major")
MAX_NAME = 50
_DOTTED = re.compile(r"(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?\Z")


def normalize(name: str) -> str:
    """The full spelling: `11` is `11.0.0`; what is not dotted numbers stays."""
    found = _DOTTED.match(name)
    return ".".join(part or "0" for part in found.groups()) if found else name


def spellings(name: str) -> set[str]:
    """The names under which a row may be stored that this text means."""
    full = normalize(name)
    found = {name, full}
    while full.endswith(".0"):
        full = full.removesuffix(".0")
        found.add(full)
    return found


def next_name(latest: str, wish: str) -> str:
    """`minor` after 1.0.0 is 1.1.0, `major` 2.0.0; any other wish is the name itself. Blank is refused."""
    if not wish.strip():
        raise ValidationError("The version must not be blank.", field="version")
    if wish not in BUMPS:
        return normalize(wish)
    if not latest:
        return FIRST
    found = _DOTTED.match(latest)
    if found is None:
        raise ValidationError(f"The version after {latest!r} cannot be counted: name it.", field="version")
    major, minor = int(found[1]), int(found[2] or 0)
    return f"{major}.{minor + 1}.0" if wish == "minor" else f"{major + 1}.0.0"


def highest(names: list[str]) -> str:
    """The one to count from: the greatest of dotted numbers, else the last."""
    matches = [found for name in names if (found := _DOTTED.match(name))]
    if matches:
        return max(matches, key=lambda found: [int(part or 0) for part in found.groups()])[0]
    return names[-1] if names else ""


def check_name(name: str) -> None:
    if not name.strip():
        raise ValidationError("The version must not be blank.", field="version")
    if len(name) > MAX_NAME or "\0" in name:
        raise ValidationError(f"The version must be a text of at most {MAX_NAME} characters.", field="version")

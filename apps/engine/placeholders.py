"""What stands for a value that only sending a write would give. Whatever reads from it finds a placeholder again."""

from __future__ import annotations

from typing import Any

MEMBER = "$planned"


class Placeholder(dict[str, Any]):
    """A dict, so that mappings walk through it and JSON shows `{"$planned": ...}`; as text it is `‹…›`."""

    def __init__(self, source: str) -> None:
        super().__init__({MEMBER: source})

    @property
    def source(self) -> str:
        return str(super().__getitem__(MEMBER))

    def __getitem__(self, key: str) -> Any:
        return self.source if key == MEMBER else Placeholder(f"{self.source} → {key}")

    def __missing__(self, key: str) -> Any:
        return self[key]

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: str, default: Any = None) -> Any:
        return self[key]

    def __str__(self) -> str:
        return f"‹{self.source}›"


def revived(value: Any) -> Any:
    """Placeholders again, where a value has been through JSON."""
    if isinstance(value, Placeholder):
        return value
    if isinstance(value, dict):
        source = value.get(MEMBER)
        if len(value) == 1 and isinstance(source, str):
            return Placeholder(source)
        return {name: revived(inner) for name, inner in value.items()}
    return [revived(inner) for inner in value] if isinstance(value, list) else value

"""What the engine raises: a document that cannot be stored, and a record that cannot be worked."""


class DocumentError(ValueError):
    """A stored document is wrong. `path` names the member: `mappings[0].status`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class RecordFault(Exception):
    """One record cannot be worked; the others go on."""


class MappingError(RecordFault):
    """`field` is the generated field, as a dotted path."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


class FilterError(RecordFault):
    """A filter cannot decide on this record."""

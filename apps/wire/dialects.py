"""The four API conventions and which addresses speak which. A view names its own; an unknown address goes by prefix."""

import re
from enum import StrEnum
from typing import Any


class Dialect(StrEnum):
    INTERACTOR = "interactor"
    CELIGO = "celigo"
    RELY = "rely"
    GIOSG = "giosg"


PREFIXES = [
    (re.compile(r"/hooks/"), Dialect.INTERACTOR),  # providers are told in one sentence
    (
        re.compile(r"/v1/(user|group|connector|subscription|execute|automation|test)(/|$)"),
        Dialect.INTERACTOR,
    ),
    (re.compile(r"/api/v1/(flows|suggestions|entities|flow-runs|blueprints)(/|$)"), Dialect.RELY),
    (re.compile(r"/api/"), Dialect.GIOSG),
]


def dialect_of_path(path: str) -> Dialect:
    """Everything under /v1/ that no other dialect claims is spoken in the Celigo conventions."""
    return next((dialect for pattern, dialect in PREFIXES if pattern.match(path)), Dialect.CELIGO)


def dialect_of(*, view: Any, path: str) -> Dialect:
    return getattr(view, "dialect", None) or dialect_of_path(path)

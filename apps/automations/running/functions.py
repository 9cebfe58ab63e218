"""What templates of automations may call, beside Jinja's own."""

import re
import uuid
from typing import Any

from apps.catalog.models import Blueprint
from apps.core import clock
from apps.engine.templates import RenderEnv

# Words of other systems that mean the same. A status becomes the target blueprint's own word of its group.
ALIKE: tuple[frozenset[str], ...] = tuple(
    frozenset(words.split())
    for words in (
        "open opened new triggered active reopened todo unresolved firing",
        "acknowledged acked acknowledge",
        "escalated",
        "inprogress running started doing ongoing inreview",
        "pending queued waiting created scheduled requested waitingforresource preparing manual",
        "resolved closed done fixed completed",
        "success succeeded successful passed completed ok",
        "failed failure error errored timedout startupfailure broken",
        "canceled cancelled aborted stopped",
        "skipped ignored neutral",
        "merged",
        "inactive disabled archived",
    )
)


def environment(organization_id: uuid.UUID) -> RenderEnv:
    """For the templates of one turn: what is looked up is looked up once."""
    return RenderEnv(now=clock.now(), functions={"standardize_status": Standardizer(organization_id)})


class Standardizer:
    """`standardize_status(value, blueprintId)`: a foreign status in the words that the blueprint's status allows.

    A word that it has no match for stays as it is.
    """

    def __init__(self, organization_id: uuid.UUID) -> None:
        self._organization_id = organization_id
        self._words: dict[str, list[str]] = {}

    def __call__(self, value: Any, blueprint_id: Any) -> Any:
        if not isinstance(value, str) or not isinstance(blueprint_id, str):
            return value
        if blueprint_id not in self._words:
            self._words[blueprint_id] = self._allowed(blueprint_id)
        words = self._words[blueprint_id]
        wanted = plain(value)
        by_word = {plain(word): word for word in words}
        if wanted in by_word:
            return by_word[wanted]
        groups = [group for group in ALIKE if wanted in group]
        return next((word for word in words if any(plain(word) in group for group in groups)), value)

    def _allowed(self, blueprint_id: str) -> list[str]:
        blueprint = Blueprint.objects.of(self._organization_id).among([blueprint_id]).first()
        found: Any = blueprint.schema if blueprint is not None else {}
        for name in ("properties", "status", "enum"):
            found = found.get(name) if isinstance(found, dict) else None
        return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []


def plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())

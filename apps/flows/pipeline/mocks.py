"""Test runs: documents say what a source would give (`mockOutput`) and a target answer (`mockResponse`).

Neither is asked where a document says so; nothing is sent at all, and such a plan is never applied.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.runners.lookup import LookupForm
from apps.flows.pipeline.scripts import listed, said_failure
from apps.flows.pipeline.steps import Outcome, Turn


def is_test(snapshot: dict[str, Any]) -> bool:
    return bool(snapshot["options"].get("mocks"))


def mock_records(document: dict[str, Any]) -> list[Any] | None:
    """What an export gives in place of its source, None where it does not say. A grouped record is its `rows`."""
    page = (document.get("mockOutput") or {}).get("page_of_records")
    if not page:
        return None
    return [entry["rows"] if "rows" in entry else entry.get("record") for entry in page]


def given_in_test(snapshot: dict[str, Any]) -> dict[str, list[Any]]:
    """By export, the records of the page generators that have some."""
    found = {g["_exportId"]: mock_records(snapshot["exports"][g["_exportId"]]) for g in snapshot["generators"]}
    return {export_id: records for export_id, records in found.items() if records is not None}


def pretend(outcome: Outcome, indexes: Sequence[int], answers: Sequence[dict[str, Any]]) -> None:
    """In place of what nobody was asked: an import's own answers by position, the last for all that follow."""
    for index in indexes:
        said = {"statusCode": 200, "errors": [], "ignored": False, **answers[min(index, len(answers) - 1)]}
        outcome.responses[index] = said
        if said["ignored"] is True:
            outcome.ignored.add(index)
        elif said["statusCode"] != 200:
            first = (listed(said["errors"]) or [{}])[0]
            outcome.failures[index] = said_failure("application", first, code=str(said["statusCode"]))


@dataclass(frozen=True)
class MockLookupRunner:
    """Every record that would ask finds the same."""

    form: LookupForm
    records: Sequence[Any]
    effect: str = field(default="", init=False)

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        return [self.look_up(part, turn) for part in parts]

    def look_up(self, part: Part, turn: Turn) -> Outcome:
        outcome, context = Outcome(), self.form.make_context()
        asking = [i for i, record in enumerate(part.records) if self.form.asks(record, context, outcome, i)]
        if asking:
            self.form.settle(outcome, part, asking, self.form.answer(list(self.records), turn))
        return outcome

"""No documented operation is forgotten: each is built, or stands in the table of gaps, never both."""

from io import StringIO

from django.core.management import call_command

from apps.wire.gaps import all_gaps
from tests.contracts.operations import documented, plain, routed


def gaps() -> set[tuple[str, str, str]]:
    return {(str(dialect), method, plain(path)) for dialect, method, path in all_gaps()}


def built() -> set[tuple[str, str, str]]:
    return {operation.triple for operation in routed()}


def test_built_operations_and_gaps_are_what_the_contracts_document():
    assert gaps() - documented() == set(), "gaps that no contract documents"
    assert documented() - built() - gaps() == set(), "documented, neither built nor a gap"


def test_what_is_built_is_no_gap():
    assert built() & gaps() == set()


def test_the_contracts_are_read_whole():
    counts = {
        dialect: sum(1 for found, _, _ in documented() if found == dialect) for dialect in ("celigo", "interactor")
    }
    assert counts == {"celigo": 133, "interactor": 84}


def test_the_gaps_command_lists_each_gap_and_counts_them():
    out = StringIO()
    call_command("gaps", stdout=out)
    lines = out.getvalue().splitlines()
    assert len(lines) == len(all_gaps()) + 1
    assert lines[-1].startswith(f"{len(all_gaps())} not built") or not all_gaps()

"""postAggregate: a script is told when the file of a run is written, or why it could not be."""

import pytest

from apps.executions.models import RecordError
from tests.flows.pipeline.test_files_and_sql import file_import
from tests.flows.pipeline.test_runs import orders
from tests.flows.pipeline.test_steps import script

SAY = "function after(o) { throw new Error(JSON.stringify(o.postAggregateData)); }"


def hooks(workshop, content):
    return {"postAggregate": {"_scriptId": script(workshop, content), "function": "after"}}


@pytest.mark.parametrize("content", [SAY, "function after(o) {}"])
def test_a_script_is_told_of_the_file_and_its_exception_spoils_nothing(workshop, system, folder, files, content):
    system.serve_pages("/orders", orders(3))
    sink = file_import(workshop, files, type="csv", fileName="a.csv")
    sink.document["hooks"] = hooks(workshop, content)
    sink.save()
    execution = workshop.run(workshop.flow(None, sink))
    assert execution.state == "succeeded" and (folder / "out" / "a.csv").exists()
    assert RecordError.objects.count() == (content == SAY)
    if content == SAY:
        error = RecordError.objects.get()
        assert error.source == "post_aggregate_hook" and '"success":true' in error.message


def test_a_script_is_told_why_there_is_no_file(workshop, system, folder, files):
    system.serve_pages("/orders", orders(3))
    sink = file_import(workshop, files, type="csv", fileName="{{#if record.nothing}}a.csv{{/if}}")
    sink.document["hooks"] = hooks(workshop, SAY)
    sink.save()
    execution = workshop.run(workshop.flow(None, sink))
    assert execution.state == "failed"
    assert any('"success":false' in error.message for error in RecordError.objects.all())

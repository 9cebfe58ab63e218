"""Several records in one request: each is judged by its part of the answer, in groups of any size."""

import pytest

from apps.executions.models import RecordError
from tests.flows.pipeline.test_runs import orders

RESPONSE = {"resourcePath": ["results"], "resourceIdPath": ["id"], "failPath": ["error"], "errorPath": ["error"]}


@pytest.mark.parametrize("count", [4, 5, 6])
def test_each_record_of_a_batch_is_judged_by_its_own_result(workshop, system, count):
    """A page of five in batches of four leaves a batch of one, which is answered as a batch too."""
    system.serve_pages("/orders", orders(count))
    system.routes["POST /sink"] = lambda call: {
        "results": [
            {"error": "no fives"} if row["external_id"] == 5 else {"id": f"crm-{row['external_id']}"}
            for row in call.json
        ]
    }
    system.take("/after")
    into = workshop.import_(http={"batchSize": 4, "response": RESPONSE})
    mapped = {"responseMapping": {"fields": [{"extract": "id", "generate": "crm_id"}]}}
    after = workshop.import_(
        "/after",
        mappings=[{"generate": "crm_id", "dataType": "string", "extract": "$.crm_id", "status": "Active"}],
    )
    workshop.run(workshop.flow(None, (into, mapped), after))
    assert [error.message for error in RecordError.objects.all()] == ["no fives"] * (count >= 5)
    arrived = sorted(call.json["crm_id"] for call in system.made("POST /after"))
    assert arrived == [f"crm-{number}" for number in range(1, count + 1) if number != 5]

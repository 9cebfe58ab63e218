"""What becomes of work whose handler does not settle it."""

import time

import pytest
from django.db import transaction

from apps.core.clock import now
from apps.core.ids import new_id
from apps.work import claims, drain, kinds, leases, services
from apps.work.models import Lane, WorkItem

pytestmark = pytest.mark.django_db(transaction=True)


def add(organization, kind):
    with transaction.atomic():
        services.add(kind=kind, lane=Lane.FLOWS, organization_id=organization.id, target_id=new_id())


def test_work_that_must_not_end_begins_anew_after_a_rest(organization, monkeypatch):
    monkeypatch.setitem(kinds._kinds, "endless", kinds.WorkKind("endless", handle=lambda claims: None))
    add(organization, "endless")
    WorkItem.objects.update(attempts=drain.POISON_ATTEMPTS)
    drain.drain(Lane.FLOWS)
    item = WorkItem.objects.get()
    assert item.attempts == 0 and item.due_at > now() and item.lease_until is None


def test_a_claim_that_no_installed_app_handles_is_not_held_on(organization):
    add(organization, "of a newer version")
    found = claims.claim_next(Lane.FLOWS)
    with pytest.raises(KeyError):
        drain.handle(found, time.monotonic() + 10)
    assert found[0] not in leases.held()

"""Who gets which work, in what order, and what happens to a holder that vanished."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import create_organization
from apps.core.ids import new_id
from apps.work import claims, drain, leases, services, sql
from apps.work.kinds import LeaseLostError
from apps.work.models import Lane, WorkItem

pytestmark = pytest.mark.django_db(transaction=True)


def add(organization, count=1, **fields):
    with transaction.atomic():
        services.add_many(
            kind="test", lane=Lane.FLOWS, organization_id=organization.id,
            target_ids=[new_id() for _ in range(count)], **fields,
        )  # fmt: skip


def lapse():
    sql.execute(
        f"UPDATE work_workitem SET due_at = {sql.now_sql(-1)}, lease_until = {sql.now_sql(-1)},"
        f" updated_at = {sql.now_sql(-100)}",
        [],
    )


def test_a_claim_takes_work_once(organization):
    add(organization)
    assert len(claims.claim_next(Lane.FLOWS)) == 1
    assert claims.claim_next(Lane.FLOWS) == []


def test_work_for_later_is_not_claimed_before_its_time(organization):
    from datetime import timedelta

    from apps.core.clock import now

    add(organization, due_at=now() + timedelta(hours=1))
    assert claims.claim_next(Lane.FLOWS) == []


def test_lanes_do_not_mix(organization):
    add(organization)
    assert claims.claim_next(Lane.DELIVERIES) == []


def test_the_organization_with_least_running_comes_first(organization):
    other = create_organization(name="Small")
    add(organization, 50)
    add(other, 1)
    first, second = claims.claim_next(Lane.FLOWS)[0], claims.claim_next(Lane.FLOWS)[0]
    assert {first.organization_id, second.organization_id} == {organization.id, other.id}


def test_a_batch_is_of_one_organization(organization):
    other = create_organization(name="Small")
    add(organization, 5)
    add(other, 5)
    batch = claims.claim_next(Lane.FLOWS, limit=8)
    assert len(batch) == 5 and len({c.organization_id for c in batch}) == 1


def test_of_a_serial_key_only_the_oldest_unfinished_is_claimable(organization):
    add(organization, 3, serial_key="order-7")
    first = claims.claim_next(Lane.FLOWS)
    assert claims.claim_next(Lane.FLOWS) == []
    with transaction.atomic():
        services.finish(first)
    second = claims.claim_next(Lane.FLOWS)
    assert len(second) == 1 and second[0].target_id > first[0].target_id


def test_a_lapsed_claim_is_taken_over_and_its_old_holder_can_write_nothing(organization):
    add(organization)
    old = claims.claim_next(Lane.FLOWS)[0]
    lapse()
    new = claims.claim_next(Lane.FLOWS)[0]
    assert (new.id, new.fence, new.attempts) == (old.id, old.fence + 1, 1)
    for settle in (services.progress, services.finish):
        with pytest.raises(LeaseLostError), transaction.atomic():
            settle([old])
    with transaction.atomic():
        services.progress([new])
    assert WorkItem.objects.get().attempts == 0


def test_released_work_does_not_count_as_an_attempt(organization):
    add(organization)
    claim = claims.claim_next(Lane.FLOWS)[0]
    services.release([claim])
    assert claims.claim_next(Lane.FLOWS)[0].attempts == 0


def test_parked_work_waits_for_its_thing_and_comes_back_in_one_statement(organization):
    add(organization, 3)
    held = claims.claim_next(Lane.FLOWS, limit=3)
    with transaction.atomic():
        services.park(held, on="connection:x", reason="offline")
    assert claims.claim_next(Lane.FLOWS) == []
    with transaction.atomic():
        assert services.unpark("connection:x") == 3
    assert len(claims.claim_next(Lane.FLOWS, limit=3)) == 3


def test_renewal_keeps_what_is_held_and_only_that(organization):
    add(organization, 2)
    kept, lost = claims.claim_next(Lane.FLOWS, limit=2)
    sql.execute("UPDATE work_workitem SET fence = fence + 1 WHERE id = %s", [lost.id])
    before = kept.renewed_at
    lost_before = lost.renewed_at
    leases.renew()
    assert kept.renewed_at > before and lost.renewed_at == lost_before


def test_a_holder_that_was_not_renewed_stops_by_its_own_clock(organization):
    add(organization)
    claim = claims.claim_next(Lane.FLOWS)[0]
    claim.renewed_at -= claim.lease_seconds * 0.7
    with pytest.raises(LeaseLostError):
        claim.check()


def test_ten_threads_claim_a_hundred_items_once_each(organization):
    add(organization, 100)
    got, lock = [], threading.Lock()

    def worker():
        while found := claims.claim_next(Lane.FLOWS, limit=3):
            with lock:
                got.extend(c.target_id for c in found)
        connection.close()

    threads = [threading.Thread(target=worker) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 100 == len(set(got))


def test_unclaimed_work_of_a_group_is_dropped_and_claimed_work_is_not(organization):
    group = new_id()
    add(organization, 3, group_id=group)
    held = claims.claim_group(group, kind="test", limit=1)
    with transaction.atomic():
        dropped = services.drop_unclaimed(group, kind="test")
    assert len(dropped) == 2 and held[0].target_id not in dropped


def test_work_added_in_a_transaction_that_fails_does_not_exist(organization):
    with pytest.raises(RuntimeError), transaction.atomic():
        services.add(kind="test", lane=Lane.FLOWS, organization_id=organization.id, target_id=new_id())
        raise RuntimeError
    assert not WorkItem.objects.exists()


def test_however_fast_a_process_is_restarted_what_kills_it_is_given_up_after_five_lease_times(organization):
    add(organization)
    attempts = []
    for _ in range(60):  # restarts, each a tenth of a lease's time after the last
        leases.let_go(found := claims.claim_next(Lane.FLOWS))
        attempts.append(found[0].attempts)
        earlier = (
            "updated_at - 6 * interval '1 second'"
            if sql.is_postgres()
            else "strftime('%%Y-%%m-%%d %%H:%%M:%%f', updated_at, '-6 seconds')"
        )
        sql.execute(f"UPDATE work_workitem SET updated_at = {earlier}", [])
        services.take_over_leases()
    assert attempts.index(drain.POISON_ATTEMPTS) >= 45
    assert max(attempts) <= 60 / 9 + 1


def test_a_process_that_is_killed_again_and_again_in_a_minute_counts_as_one_lost_worker(organization):
    """Else a crashing neighbour, or an impatient operator, would make sound work fail."""
    add(organization)
    for _ in range(6):
        claim = claims.claim_next(Lane.FLOWS)[0]
        leases.let_go([claim])
        services.take_over_leases()
    assert claim.attempts == 0
    sql.execute(f"UPDATE work_workitem SET updated_at = {sql.now_sql(-100)}", [])
    assert [claims.claim_next(Lane.FLOWS)[0].attempts for _ in range(2) if services.take_over_leases()] == [1, 1]


def test_a_claim_reads_no_more_than_it_takes(organization):
    """Whatever is due is not sorted for the first of it, also before the database knows how much there is."""
    add(organization, 3)
    with CaptureQueriesContext(connection) as captured:
        claims.claim_next("flows")
    claim = next(entry["sql"] for entry in captured if entry["sql"].startswith("WITH picked"))
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # three rows would be read whole
        cursor.execute(f"EXPLAIN {'' if connection.vendor == 'postgresql' else 'QUERY PLAN '}{claim}")
        plan = str(cursor.fetchall())
    assert "work_claim" in plan
    assert "Sort" not in plan and "ORDER BY" not in plan


def rows_read(plan):
    return max([plan["Actual Rows"] * plan["Actual Loops"], *map(rows_read, plan.get("Plans", []))])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="it looks up row by row, whatever is asked")
def test_looking_for_due_work_reads_little_however_much_is_due(organization):
    add(organization, 2000)
    with CaptureQueriesContext(connection) as captured:
        assert claims.is_due("flows")
    probe = next(entry["sql"] for entry in captured if entry["sql"].startswith("WITH RECURSIVE"))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {probe}")
        [[[found]]] = cursor.fetchall()
    assert rows_read(found["Plan"]) < 20

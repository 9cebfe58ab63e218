"""One key's calls are counted in a bucket of its own."""

import pytest

from apps.wire import limits
from apps.wire.limits import Buckets
from tests.api import Api, codes_of


def test_a_bucket_empties_and_refills_by_the_clock():
    time = [0.0]
    buckets = Buckets(size=3, refill=2, clock=lambda: time[0])
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b") == 0
    time[0] = 0.5
    assert buckets.take("a") == 0
    assert buckets.take("a") == 0.5
    time[0] = 1000
    assert [buckets.take("a") for _ in range(4)][-1] == 0.5


def test_only_so_many_buckets_are_remembered():
    buckets = Buckets(size=1, refill=1, remembered=2, clock=lambda: 0.0)
    for name in "abc":
        buckets.take(name)
    assert buckets.take("c") == 1
    assert buckets.take("a") == 0


@pytest.mark.django_db
def test_a_key_over_its_limit_is_429_with_retry_after_and_others_go_on(owner, monitor, monkeypatch):
    monkeypatch.setattr(limits, "buckets", Buckets(size=2, refill=0.5, clock=lambda: 0.0))
    assert [Api(owner).get("/v1/tokenInfo").status_code for _ in range(3)] == [200, 200, 429]
    answer = Api(owner).get("/v1/tokenInfo")
    assert answer["Retry-After"] == "2"
    assert codes_of(answer) == ["rate_limited"]
    assert Api(monitor).get("/v1/tokenInfo").status_code == 200

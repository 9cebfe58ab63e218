"""/metrics for Prometheus: this process's requests, and what the database says of work, executions and nodes.

The surprise: the numbers span all organizations, so the door is an owner's or administrator's key, or a token.
"""

import os
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import REGISTRY, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from apps.accounts import services
from apps.core.actors import RANK, Role
from apps.core.clock import now
from apps.executions.models import TERMINAL, Execution
from apps.work.models import Lane, Node, WorkItem
from apps.work.nodes import ALIVE_SECONDS

RECENT = timedelta(hours=1)


def metrics(request: HttpRequest) -> HttpResponse:
    try:
        return measured(request)
    except DatabaseError:
        return HttpResponse("The database cannot be reached.\n", status=503)


def measured(request: HttpRequest) -> HttpResponse:
    if not may_read(request):
        answer = HttpResponse(
            "An owner's or administrator's API key, or JUNCTION_METRICS_TOKEN, is needed.\n", status=401
        )
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # one of several web processes answers for all of them
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    database = CollectorRegistry()
    database.register(DatabaseCollector())
    text = generate_latest(registry) + generate_latest(database)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() not in {"bearer", "token"}:
        given = request.headers.get("api-key", "")
    given, token = given.strip(), settings.JUNCTION_METRICS_TOKEN
    if token and secrets.compare_digest(given.encode(), token.encode()):
        return True
    actor = services.actor_of_key(given) if given else None
    return actor is not None and actor.role is not None and RANK[actor.role] >= RANK[Role.ADMINISTRATOR]


class DatabaseCollector:
    """Each family is one aggregate over a small table or an index; ended executions are counted for an hour only."""

    def collect(self) -> Iterable[Metric]:
        yield from self.work()
        yield from self.executions()
        yield self.nodes()

    def work(self) -> Iterable[Metric]:
        moment = now()
        is_due = Q(parked_on="", lease_until=None, due_at__lte=moment)
        rows = WorkItem.objects.values("lane").annotate(
            due=Count("id", filter=is_due),
            held=Count("id", filter=Q(lease_until__isnull=False)),
            parked=Count("id", filter=~Q(parked_on="")),
            waiting=Count("id", filter=Q(parked_on="", lease_until=None, due_at__gt=moment)),
            oldest=Min("due_at", filter=is_due),
        )
        found: dict[str, dict[str, Any]] = {row["lane"]: dict(row) for row in rows}
        items = GaugeMetricFamily("junction_work_items", "Work items by lane and state.", labels=["lane", "state"])
        age = GaugeMetricFamily(
            "junction_work_oldest_due_seconds", "How long the oldest due item has waited for a worker.", labels=["lane"]
        )
        for lane in Lane.values:
            row = found.get(lane, {})
            for state in ("due", "held", "parked", "waiting"):
                items.add_metric([lane, state], row.get(state, 0))
            oldest = row.get("oldest")
            age.add_metric([lane], max(0.0, (moment - oldest).total_seconds()) if oldest else 0.0)
        yield items
        yield age

    def executions(self) -> Iterable[Metric]:
        unfinished = GaugeMetricFamily("junction_executions_open", "Executions that have not ended.", labels=["state"])
        ended = GaugeMetricFamily("junction_executions_ended_recently", "Ended within an hour.", labels=["state"])
        recent = Q(state__in=TERMINAL, ended_at__gte=now() - RECENT)
        for family, rows in ((unfinished, ~Q(state__in=TERMINAL)), (ended, recent)):
            for row in Execution.objects.filter(rows).values("state").annotate(count=Count("id")).order_by("state"):
                family.add_metric([row["state"]], row["count"])
            yield family

    def nodes(self) -> Metric:
        family = GaugeMetricFamily("junction_nodes", "Living processes by role.", labels=["role"])
        counts: dict[str, int] = {"web": 0, "worker": 0, "scheduler": 0}
        alive = Node.objects.filter(seen_at__gte=now() - timedelta(seconds=ALIVE_SECONDS))
        for roles in alive.values_list("roles", flat=True):
            for role in filter(None, roles.split(",")):
                counts[role] = counts.get(role, 0) + 1
        for role, count in counts.items():
            family.add_metric([role], count)
        return family

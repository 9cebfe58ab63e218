"""Probes: /healthz tells that the process lives, /readyz that it can serve (database there, migrations applied)."""

import threading

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from apps.ops import migrating

_migrated = threading.Event()  # once applied, migrations stay applied: they are not looked up at each probe


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    problem = why_not_ready()
    if problem:
        return JsonResponse({"status": "unavailable", "reason": problem}, status=503)
    return JsonResponse({"status": "ok"})


def why_not_ready() -> str:
    try:
        if _migrated.is_set():
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        elif missing := migrating.pending():
            return f"{len(missing)} migration(s) are to be applied, the first is {missing[0]}"
    except DatabaseError:
        return "the database cannot be reached"
    _migrated.set()
    return ""

"""Who may call at all: anyone with an actor. What the actor may do is asked by services, row by row."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class ActorPermission(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return getattr(request, "actor", None) is not None

"""Filters that cost no scan: by age (through the time-ordered id) and by a few fixed words."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core import clock
from apps.core.ids import id_floor

AGES = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
AGE_LABELS = [("1h", "last hour"), ("24h", "last 24 hours"), ("7d", "last 7 days")]


class WhenFilter(SimpleListFilter):
    title = "created"
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return AGE_LABELS

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        age = AGES.get(self.value() or "")
        return queryset.filter(pk__gte=id_floor(clock.now() - age)) if age else queryset


class ChoiceFilter(SimpleListFilter):
    """Subclasses give `options`: {value: (label, how it narrows the rows)}."""

    options: dict[str, tuple[str, Callable[[QuerySet[Any]], QuerySet[Any]]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.options.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.options.get(self.value() or "")
        return chosen[1](queryset) if chosen else queryset

"""API addresses nobody serves: 501 for what is documented and not built yet, 404 for the rest, each in its dialect."""

from typing import Any

from django.http import Http404
from django.urls import re_path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.wire import gaps
from apps.wire.errors import NotBuiltError
from apps.wire.viewsets import WireView


class UnservedView(WireView):
    """The surprise: only a documented operation asks for a key, so that a gap tells strangers nothing."""

    dialect = None  # by address
    schema = None

    def get_permissions(self) -> list[Any]:
        is_gap = gaps.is_gap(method=self.request.method or "", path=self.request.path)
        return list(super().get_permissions()) if is_gap else []

    def answer(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if gaps.is_gap(method=request.method or "", path=request.path):
            raise NotBuiltError(gaps.MESSAGE)
        raise Http404

    get = post = put = patch = delete = answer


unserved = [re_path(r"^(v1|api)(/|$)", UnservedView.as_view())]

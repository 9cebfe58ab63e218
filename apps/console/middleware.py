"""What every console page carries: headers that bind it to its own host, and the viewer's time zone.

The theme's Alpine builds its expressions with `new Function`: hence 'unsafe-eval', for the console's paths alone.
Scripts come from files of the own host only; styles may be inline, since the theme sets its colours so.
"""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from apps.accounts.models import User
from apps.engine.dates.zones import is_zone

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class ConsoleMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    @cached_property
    def start(self) -> str:
        return reverse("admin:index")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(self.start):
            return self.get_response(request)
        user = request.user
        zone = user.timezone if isinstance(user, User) and is_zone(user.timezone) else "UTC"
        with timezone.override(ZoneInfo(zone)):
            response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # Pages show tenants' data: neither a proxy nor the back button after signing out may have them.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

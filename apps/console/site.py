"""The admin site as the product's face: the dashboard, the choice of organization, the throttled sign-in."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.sites import UnfoldAdminSite

from apps.accounts.console import seat_of
from apps.accounts.console.seats import choose_organization
from apps.console.dashboard import dashboard
from apps.console.forms import OwnPasswordForm, SignInForm
from apps.console.preferences import PreferencesForm
from apps.core.errors import NotFoundError


class ConsoleSite(UnfoldAdminSite):
    """A person without an organization may sign in, and is told so."""

    login_form = SignInForm
    index_title = "Dashboard"
    enable_nav_sidebar = True

    def extra_urls(self) -> list[URLPattern]:
        return [
            path("organization/", self.admin_view(self.choose), name="organization"),
            path("preferences/", self.admin_view(self.preferences), name="preferences"),
        ]

    def extra_context(self, context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
        seat = seat_of(request)
        return {**context, "seat": seat, "site_subheader": seat.organization.name if seat else None}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        seat = seat_of(request)
        context = {**self.each_context(request), "title": "Dashboard", **(extra_context or {})}
        if seat is None:
            return TemplateResponse(request, "console/no_organization.html", context, status=403)
        context["panels"] = dashboard(seat.actor)
        request.current_app = self.name
        return TemplateResponse(request, "console/dashboard.html", context)

    def choose(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            try:
                chosen = choose_organization(request, request.POST.get("organization", ""))
                messages.success(request, f"You are looking at {chosen.name} now.")
                return HttpResponseRedirect(reverse("admin:index"))
            except NotFoundError as error:
                messages.error(request, error.message)
        context = {**self.each_context(request), "title": "Choose an organization"}
        return TemplateResponse(request, "console/organizations.html", context)

    def preferences(self, request: HttpRequest) -> HttpResponse:
        form = PreferencesForm(request.POST or None, instance=request.user)
        if request.method == "POST" and form.is_valid():
            form.save()
            messages.success(request, "Saved.")
            return HttpResponseRedirect(reverse("admin:preferences"))
        context = {**self.each_context(request), "title": "Preferences", "form": form}
        return TemplateResponse(request, "console/preferences.html", context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        request.current_app = self.name
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            template_name=self.password_change_template or "registration/password_change_form.html",
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> HttpResponse:
        """Django's page of one app's lists: the sidebar has them all."""
        return HttpResponseRedirect(reverse("admin:index"))

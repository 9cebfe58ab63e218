"""The sign-in form, which asks the throttle first, and the form for a password of one's own."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from apps.accounts.models import User
from apps.accounts.services import note_sign_in, set_password
from apps.console import throttle


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "This e-mail and this password do not belong together. Capitals count in the password.",
        "inactive": "This account is switched off.",
    }

    def clean(self) -> dict[str, Any]:
        who = {"email": self.cleaned_data.get("username") or "", "address": self.address()}
        if throttle.is_locked(**who):
            minutes = int(throttle.WINDOW.total_seconds() // 60)
            raise ValidationError(f"Too many failed sign-ins. Try again in {minutes} minutes.", code="locked")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            throttle.note_failure(**who)
            note_sign_in(**who, good=False)
            raise
        throttle.forget(**who)
        note_sign_in(**who, good=True)
        return cleaned

    def address(self) -> str:
        """Behind the proxy that ends TLS, what that proxy saw: the last entry. Earlier ones are the client's claims."""
        if self.request is None:
            return ""
        seen = self.request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
        return seen.rpartition(",")[2].strip() or str(self.request.META.get("REMOTE_ADDR", ""))


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    def save(self, commit: bool = True) -> User:
        set_password(user=self.user, password=self.cleaned_data["new_password1"], by=self.user)
        user: User = self.user
        return user

"""What people set for themselves: their name and the zone that times are shown in."""

from zoneinfo import available_timezones

from django import forms

from apps.accounts.models import User
from apps.engine.dates.zones import is_zone


class PreferencesForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name", "timezone")

    def clean_timezone(self) -> str:
        zone: str = self.cleaned_data["timezone"]
        if not is_zone(zone):
            raise forms.ValidationError(f"{zone} is not the name of a time zone, such as Europe/Helsinki.")
        return zone

    def zones(self) -> list[str]:
        return sorted(available_timezones())

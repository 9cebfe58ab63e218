"""Django's admin app with our site in the place of its own. Named in INSTALLED_APPS for `django.contrib.admin`."""

from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    default_site = "apps.console.site.ConsoleSite"

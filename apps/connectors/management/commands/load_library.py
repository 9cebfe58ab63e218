"""Stores the connectors we ship; harmless to repeat."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.connectors.library.install import install_library
from apps.core.errors import DomainError


class Command(BaseCommand):
    help = "Store the library's connectors for all organizations to read."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            added = install_library()
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(
            f"The library is stored: {added.connectors} connectors, {added.versions} versions and"
            f" {added.parts} components were new."
        )

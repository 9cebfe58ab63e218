"""A new API key for whoever lost theirs: `manage.py createkey`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.core.actors import Role
from apps.core.commands import InstalledCommand
from apps.core.errors import DomainError
from apps.ops import operators


class Command(InstalledCommand):
    help = "Makes an API key and shows it once. Without --email it acts as the first owner."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default="", help="whom the key acts as")
        parser.add_argument("--organization", default="", help="id or name, for a person in several")
        parser.add_argument("--name", default="made by createkey", help="what the console shows (default %(default)s)")
        parser.add_argument("--role", default="owner", choices=[role.value for role in Role], help="the most it may do")

    def handle(self, *, email: str, organization: str, name: str, role: str, **_: Any) -> None:
        try:
            row, key = operators.create_key(email=email, organization=organization, name=name, role=Role(role))
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stderr.write(f"Acts as {row.user.email} in {row.organization.name}. It is not shown again:")
        self.stdout.write(key)

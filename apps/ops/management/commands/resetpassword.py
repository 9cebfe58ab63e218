"""A new password for whoever lost theirs: `manage.py resetpassword`."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.core.commands import InstalledCommand
from apps.core.errors import DomainError
from apps.ops import operators


class Command(InstalledCommand):
    help = "Sets a new password and shows it once; sessions end. Without --email it is the first owner's."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default="", help="whose password")
        parser.add_argument("--stdin", action="store_true", help="read the password from standard input")

    def handle(self, *, email: str, stdin: bool, **_: Any) -> None:
        given = sys.stdin.readline().rstrip("\n") if stdin else ""
        if stdin and not given:
            raise CommandError("There is no password on standard input.")
        try:
            user, password = operators.reset_password(email=email, password=given)
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stderr.write(f"The password of {user.email} is set." + ("" if given else " It is not shown again:"))
        if not given:
            self.stdout.write(password)

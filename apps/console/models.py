"""Failed sign-ins, counted: the only thing the console remembers of its own."""

from django.db import models


class SignInFailure(models.Model):
    """`key` is a digest of an e-mail and an address, or of an address alone; a row is one window of time."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.IntegerField(default=0)
    until = models.DateTimeField(db_index=True)  # the window's end: the count is void from then on

    def __str__(self) -> str:
        return f"{self.count} until {self.until}"

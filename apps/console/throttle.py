"""Slows down guessing of passwords: failures are counted per e-mail and address, and per address, for all processes.

The surprise: the right password does not help a locked pair either, or a guesser would know that it was right.
"""

import hashlib
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from apps.console.models import SignInFailure
from apps.core import clock

WINDOW = timedelta(minutes=15)
FAILURES_PER_PERSON = 5
FAILURES_PER_ADDRESS = 50  # an office behind one address may forget a few passwords


def keys_of(*, email: str, address: str) -> dict[str, int]:
    """Each key with how many failures it may have."""
    pair = f"{email.strip().lower()}|{address}"
    return {digest(pair): FAILURES_PER_PERSON, digest(f"|{address}"): FAILURES_PER_ADDRESS}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_locked(*, email: str, address: str) -> bool:
    most = keys_of(email=email, address=address)
    rows = SignInFailure.objects.filter(key__in=most, until__gt=clock.now()).values_list("key", "count")
    return any(count >= most[key] for key, count in rows)


def note_failure(*, email: str, address: str) -> None:
    moment = clock.now()
    SignInFailure.objects.filter(until__lte=moment).delete()
    for key in keys_of(email=email, address=address):
        if SignInFailure.objects.filter(key=key).update(count=F("count") + 1):
            continue
        try:
            with transaction.atomic():
                SignInFailure.objects.create(key=key, count=1, until=moment + WINDOW)
        except IntegrityError:  # another process was first
            SignInFailure.objects.filter(key=key).update(count=F("count") + 1)


def forget(*, email: str, address: str) -> None:
    """After a good sign-in: the pair starts anew, the address does not."""
    SignInFailure.objects.filter(key=next(iter(keys_of(email=email, address=address)))).delete()

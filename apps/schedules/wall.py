"""Wall-clock times as UTC moments. The surprise: a wall time may come twice a day (a fold) or not at all (a gap)."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache


def midnight(day: date) -> datetime:
    """The day's start as if its zone were UTC: subtract the zone's offset."""
    return datetime.combine(day, time(), UTC)


@lru_cache(maxsize=8192)
def steady_offset(zone: tzinfo, day: date) -> timedelta | None:
    """The zone's offset on a day, or None if the clock is changed on it, the day before or the day after."""
    first = midnight(day - timedelta(days=1))
    offsets = {(first + timedelta(hours=12 * i)).astimezone(zone).utcoffset() for i in range(-2, 8)}
    return offsets.pop() if len(offsets) == 1 else None


@lru_cache(maxsize=2048)
def moments(day: date, times: tuple[int, ...], *, zone: tzinfo, repair: bool) -> list[datetime]:
    """In order, when a day's wall times (minutes of the day) come: a repeated one twice, a missing one not at all.

    `repair`: each once, the first of two, and a missing one where the gap ends.
    """
    found: set[datetime] = set()
    for minutes in times:
        naive = datetime.combine(day, time(minutes // 60, minutes % 60))
        folds = [naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        real = [moment for moment in folds if moment.astimezone(zone).replace(tzinfo=None) == naive]
        if not repair:
            found.update(real)
        elif real:
            found.add(real[0])
        else:
            found.add(gap_end(folds[1], folds[0], zone))
    return sorted(found)


def gap_end(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The moment between two that the clock jumps at, found to the second."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before).total_seconds() // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after

"""The words of a message, for somebody who was asleep a minute ago: one fact a line, the link last."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from apps.accounts.console.display import span
from apps.alarms.models import Message
from apps.engine.dates.zones import resolve_zone

What = Message.What
LONGEST_SUBJECT = 200
MESSAGE_SHOWN = 300


def subject_of(what: str, content: Mapping[str, Any]) -> str:
    """One line of at most 200 characters, without line breaks."""
    text = f"[{content['organization']['name']}] {headline(what, content)}"
    return " ".join(text.split())[:LONGEST_SUBJECT]


def headline(what: str, content: Mapping[str, Any]) -> str:
    alarm = content["alarm"]
    if what == What.TEST:
        return f"Test of the alarm {alarm['name']}"
    if what == What.DIGEST:
        going_on = sum(1 for firing in content["firings"] if firing["state"] == "firing")
        return f"While it was quiet: {alarm['title']}: {content['numFirings']} in all, {going_on} still going on"
    firing = content["firings"][0]
    if what == What.RECOVERED:
        return f"Recovered after {lasted(firing)}: {alarm['title']}: {firing['title']}"
    if what == What.STILL_FIRING:
        more = times(firing["numUntold"], alarm)
        return f"Still: {alarm['title']}: {firing['title']}{f' ({more} more)' if more else ''}"
    urgent = "Urgent: " if alarm["urgent"] else ""
    count = times(firing["count"], alarm) if firing["count"] > 1 else ""
    return f"{urgent}{alarm['title']}: {firing['title']}{f' ({count})' if count else ''}"


def text_of(what: str, content: Mapping[str, Any]) -> str:
    return "\n".join(lines_of(what, content)).rstrip("\n") + "\n"


def lines_of(what: str, content: Mapping[str, Any]) -> Iterator[str]:
    alarm = content["alarm"]
    yield headline(what, content)
    yield ""
    if what == What.TEST:
        yield f"This is what a message of the alarm {alarm['name']} ({alarm['title'].lower()}) looks like."
        yield "It was asked for by hand: nothing is wrong."
    for firing in content["firings"]:
        yield from lines_of_firing(what, firing, content)
        yield ""
    if content["numFirings"] > len(content["firings"]):
        yield f"… and {content['numFirings'] - len(content['firings'])} more."
        yield ""
    if what != What.RECOVERED:
        yield f"What to do   {content['advice']}"
    yield f"Alarm        {alarm['name']}: {alarm['url']}"


def lines_of_firing(what: str, firing: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[str]:
    zone = content["timezone"]
    if what == What.DIGEST:
        yield f"{firing['title']}: {'over after ' + lasted(firing) if firing['endedAt'] else 'still going on'}"
    yield f"Since        {moment(firing['since'], zone)}"
    if firing["endedAt"]:
        yield f"Until        {moment(firing['endedAt'], zone)}, after {lasted(firing)}. {firing['endedBy']}".rstrip()
    alarm = content["alarm"]
    if alarm["counted"][0]:
        yield f"How often    {how_often(firing, alarm)}"
    if firing["value"] is not None:
        yield f"Measured     {firing['value']:g} (alarm at {alarm['threshold']:g} {alarm['thresholdMeans']})"
    for subject in firing["subjects"]:
        message = " ".join(subject["message"].split())[:MESSAGE_SHOWN]
        count = f" ({subject['count']} times)" if subject["count"] > 1 else ""
        yield f"What         {subject['kind']} {subject['name']}{count}{': ' if message else ''}{message}"
        if subject["url"]:
            yield f"Look         {subject['url']}"
    if firing["numSubjects"] > len(firing["subjects"]):
        yield f"             … and {firing['numSubjects'] - len(firing['subjects'])} more"


def how_often(firing: Mapping[str, Any], alarm: Mapping[str, Any]) -> str:
    if firing["tellings"] == 0 or not firing["numUntold"]:
        return times(firing["count"], alarm)
    return f"{times(firing['count'], alarm)}, {times(firing['numUntold'], alarm)} since the last message"


def times(number: int, alarm: Mapping[str, Any]) -> str:
    one, many = alarm["counted"]
    return one if number == 1 else f"{number} {many}" if many else ""


def lasted(firing: Mapping[str, Any]) -> str:
    return span(datetime.fromisoformat(firing["endedAt"]) - datetime.fromisoformat(firing["since"]))


def moment(text: str, zone: str) -> str:
    """In UTC, and in the zone of the rule's quiet hours where it has one."""
    value = datetime.fromisoformat(text)
    utc = f"{value:%Y-%m-%d %H:%M:%S} UTC"
    local = value.astimezone(resolve_zone(zone))
    return utc if zone.upper() == "UTC" else f"{local:%Y-%m-%d %H:%M:%S} {zone} ({utc})"

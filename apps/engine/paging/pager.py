"""Steps from one source request to the next. The state is JSON and is the durable cursor.

Two surprises. `skip` grows by what the source returned, which is its page size and never skips records of a source that
caps it. A total that shrinks while paging is not believed: the largest one seen counts, and the empty page ends it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from apps.engine.errors import DocumentError
from apps.engine.javascript_values import numeric, to_text
from apps.engine.mapping import members
from apps.engine.paging.links import next_link
from apps.engine.paging.loops import remember
from apps.engine.paths import MISSING, Getter, PathError
from apps.engine.xml_paths import compile_answer_getter

State = dict[str, Any]

METHODS = ("page", "skip", "token", "url", "linkheader", "relativeuri", "body")
MAX_ADDRESS = 8_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as the stop rules and the next step see it."""

    status: int
    headers: Mapping[str, str]
    body: Any
    records: Sequence[Any]
    url: str


@dataclass(frozen=True, slots=True)
class Pager:
    """`method` is None for a source of one request."""

    method: str | None = None
    page: int = 0
    skip: int = 0
    token: str = ""
    path: Getter | None = None
    later_path: Getter | None = None
    header: str | None = None
    relation: str = "next"
    relative_uri: str | None = None
    body: str | None = None
    resource_path: str | None = None
    last_status: int | None = None
    last_path: Getter | None = None
    last_values: tuple[str, ...] = ()
    max_page: Getter | None = None
    max_count: Getter | None = None
    keeps: tuple[str, ...] = ()

    def first(self) -> State:
        state: State = {"request": 0, "records": 0}
        if self.method in ("page", "skip", "token"):
            state[self.method] = getattr(self, self.method)
        return state

    def request_scope(self, state: State) -> dict[str, Any]:
        """What templates of this request see: `export.http.paging.*`, and `previous_page.*` from the second on."""
        paging = {
            "page": state.get("page", self.page),
            "skip": state.get("skip", self.skip),
            "token": state.get("token", self.token),
        }
        scope: dict[str, Any] = {"export": {"http": {"paging": paging}}}
        if "previous_page" in state:
            scope["previous_page"] = state["previous_page"]
        return scope

    def relative_uri_of(self, state: State) -> str | None:
        """The template that replaces the export's `relativeURI` for this request; None keeps it."""
        return self.relative_uri if state["request"] else None

    def body_of(self, state: State) -> str | None:
        """The template that replaces the export's `body` for this request; None keeps it."""
        return self.body if state["request"] else None

    def address_of(self, state: State) -> str | None:
        """The address the source gave for this request; `url` paging may give one relative to the base address."""
        address: str | None = state.get("url")
        return address

    def resource_path_of(self, state: State) -> str | None:
        """Where the records of this request are, if not where the export's `resourcePath` says."""
        return self.resource_path if state["request"] else None

    def ends_with(self, status: int, state: State) -> bool:
        """Whether this status is no failure but the end. On the first request 404 must be asked for by name."""
        if self.method is None:
            return False
        return status == self.last_status or (status == 404 and self.last_status is None and state["request"] > 0)

    def advance(
        self,
        state: State,
        *,
        status: int,
        headers: Mapping[str, str],
        body: Any,
        records: Sequence[Any],
        url: str,
        request: bytes | str | None = None,
    ) -> State | None:
        """The state of the next request, or None when this was the last. The given state is left as it is.

        `records` are the source's own, before filters. `request` is all of what was sent (address, body, headers that
        vary), for loop detection; without it the address and the paging values count. Raises PagingLoopError.
        """
        if self.method is None:
            return None
        answer = Answer(status, {name.lower(): value for name, value in headers.items()}, body, records, url)
        if status in (404, self.last_status) or not records or self._is_last(answer):
            return None
        sent = request if request is not None else f"{url} {[state.get(name) for name in ('page', 'skip', 'token')]}"
        memory = remember(state.get("seen"), sent)
        following = {
            **state,
            "request": state["request"] + 1,
            "records": state["records"] + len(records),
            "seen": memory,
        }
        if self._reached_total(following, answer) or not self._step(following, answer):
            return None
        if self.keeps:
            following["previous_page"] = self._previous(answer)
        return following

    def foreseen(self, state: State, *, most: int) -> list[State]:
        """States of requests after this one that are sure to come, for asking ahead: only their `page` or `skip` hold.

        Empty where the next request depends on this one's answer, or no total has been told yet.
        """
        if self.keeps or not state["request"]:
            return []
        if self.method == "page" and "pages" in state:
            last = int(state["pages"]) - (1 if self.page == 0 else 0)
            numbers = range(state["page"] + 1, min(state["page"] + most, last) + 1)
            return [{**state, "page": number} for number in numbers]
        if self.method == "skip" and "count" in state and state["records"] % state["request"] == 0:
            size = state["records"] // state["request"]  # a guess: a source that answers otherwise is asked again
            starts = [state["skip"] + size * ahead for ahead in range(1, most + 1)]
            return [{**state, "skip": start} for start in starts if start < state["count"]]
        return []

    def _is_last(self, answer: Answer) -> bool:
        """Without values to compare, any value but blank, false and nothing says so."""
        if self.last_path is None:
            return False
        found = self.last_path(answer.body)
        value = "" if found is MISSING else to_text(found)
        return value in self.last_values if self.last_values else value not in ("", "false")

    def _reached_total(self, following: State, answer: Answer) -> bool:
        if self.method not in ("page", "skip"):
            return False
        if (pages := _total(self.max_page, following, answer, name="pages")) is not None:
            done = following["page"] if self.method == "page" else following["request"]
            return bool(done + (1 if self.method == "page" and self.page == 0 else 0) >= pages)
        count = _total(self.max_count, following, answer, name="count")
        return count is not None and following["records"] + (self.skip if self.method == "skip" else 0) >= count

    def _step(self, following: State, answer: Answer) -> bool:
        """Puts what the next request needs into the state; False when the source names no next one."""
        if self.method == "page":
            following["page"] += 1
        elif self.method == "skip":
            following["skip"] += len(answer.records)
        elif self.method in ("token", "url"):
            found = self._found(answer, first=following["request"] == 1)
            if not found:
                return False
            following[self.method] = found
        elif self.method == "linkheader":
            link = next_link(answer.headers.get("link", ""), self.relation)
            if not link:
                return False
            following["url"] = urljoin(answer.url, link)
        return True

    def _found(self, answer: Answer, *, first: bool) -> str:
        if self.header is not None:
            value: Any = answer.headers.get(self.header, "")
        else:
            get = self.path if first or self.later_path is None else self.later_path
            value = get(answer.body) if get else MISSING
        if value is MISSING or value is None or value is False or isinstance(value, list | dict):
            return ""
        text = to_text(value)
        return text if len(text) <= MAX_ADDRESS else ""

    def _previous(self, answer: Answer) -> dict[str, Any]:
        """Only what the templates of later pages name, because it is stored with the cursor."""
        whole = {
            "full_response": answer.body,
            "last_record": answer.records[-1] if answer.records else None,
            "headers": dict(answer.headers),
        }
        return {name: whole[name] for name in self.keeps}


def _total(get: Getter | None, following: State, answer: Answer, *, name: str) -> float | None:
    """The largest total the source has told so far; None while it has told none."""
    if get is None:
        return None
    told = numeric(get(answer.body))
    largest: float = following.get(name, 0)
    # Records came with it, so a total of nothing is none, and neither is what is no number.
    if math.isfinite(told) and told > largest:
        following[name] = largest = told
    return largest or None


def compile_paging(document: Any, *, at: str = "http") -> Pager:
    """From the `http` member of an export, with or without its `paging`. Raises DocumentError."""
    if document is None:
        return Pager()
    if not isinstance(document, dict):
        raise DocumentError(at, "must be an object")
    paging = document.get("paging")
    if paging is None or paging == {}:
        return Pager()
    here = f"{at}.paging"
    if not isinstance(paging, dict):
        raise DocumentError(here, "must be an object")
    method = members.choice(paging.get("method"), METHODS, f"{here}.method")
    in_header = members.text(paging, "pathLocation", here)
    if in_header is not None:
        members.choice(in_header, ("body", "header"), f"{here}.pathLocation")
    path = members.text(paging, "path", here)
    if method in ("token", "url") and path is None:
        raise DocumentError(f"{here}.path", f"is required for {method} paging")
    relative_uri, body = members.text(paging, "relativeURI", here), members.text(paging, "body", here)
    if method == "relativeuri" and relative_uri is None:
        raise DocumentError(f"{here}.relativeURI", "is required for relativeuri paging")
    if method == "body" and body is None:
        raise DocumentError(f"{here}.body", "is required for body paging")
    header = path.lower() if path and in_header == "header" else None
    return Pager(
        method=method,
        page=_whole(paging, "page", here) or 0,
        skip=_whole(paging, "skip", here) or 0,
        token=to_text(paging.get("token")),
        path=_getter(paging, "path", here) if header is None else None,
        later_path=_getter(paging, "pathAfterFirstRequest", here),
        header=header,
        relation=members.text(paging, "linkHeaderRelation", here) or "next",
        relative_uri=relative_uri,
        body=body,
        resource_path=members.text(paging, "resourcePath", here),
        last_status=_whole(paging, "lastPageStatusCode", here),
        last_path=_getter(paging, "lastPagePath", here),
        last_values=_texts(paging.get("lastPageValues"), f"{here}.lastPageValues"),
        max_page=_getter(paging, "maxPagePath", here),
        max_count=_getter(paging, "maxCountPath", here),
        keeps=_kept(relative_uri, body, *(document.get(name) for name in ("relativeURI", "body"))),
    )


def _whole(paging: dict[str, Any], name: str, at: str) -> int | None:
    value = paging.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    if type(value) is not int or value < 0:
        raise DocumentError(f"{at}.{name}", "must be a whole number")
    return value


def _getter(paging: dict[str, Any], name: str, at: str) -> Getter | None:
    path = members.text(paging, name, at)
    if path is None:
        return None
    try:
        return compile_answer_getter(path)
    except PathError as error:
        raise DocumentError(f"{at}.{name}", error.reason) from None


def _texts(values: Any, at: str) -> tuple[str, ...]:
    if values is None:
        return ()
    if not isinstance(values, list):
        raise DocumentError(at, "must be a list")
    return tuple(to_text(value) for value in values)


def _kept(*templates: Any) -> tuple[str, ...]:
    """The members of `previous_page` that the templates name; all of them for a template that names it whole."""
    text = "\n".join(template for template in templates if isinstance(template, str))
    names = [name for name in ("full_response", "last_record", "headers") if f"previous_page.{name}" in text]
    whole = text.count("previous_page") > sum(text.count(f"previous_page.{name}") for name in names)
    return ("full_response", "last_record", "headers") if whole else tuple(names)

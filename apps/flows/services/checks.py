"""What the engine has to say about a document on save, as validation errors that name the member."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from apps.engine.conditions.celigo import compile_filter
from apps.engine.errors import DocumentError
from apps.engine.mapping import compile_transform, gather_lookups, is_script
from apps.engine.templates import TemplateError
from apps.engine.templates import compile as compile_template
from apps.integrations.resources import Draft

TEMPLATE_MEMBERS = ("traceKeyTemplate", "dataURITemplate", "idLockTemplate")


def compiled(draft: Draft[Any], compile_document: Callable[[], Any]) -> None:
    """Keeps what the engine refuses as an error of the draft."""
    try:
        compile_document()
    except DocumentError as error:
        draft.fail(error.path, f"{error.reason}.", code="invalid_document")


def check_filters(draft: Draft[Any], holder: dict[str, Any], *names: str, at: str = "") -> None:
    for name in names:
        document, path = holder.get(name), f"{at}{name}"
        if document is not None and not is_script(document):
            compiled(draft, partial(compile_filter, document, at=path))
        elif document is not None:
            check_script(draft, document, path)


def check_transforms(draft: Draft[Any], *names: str) -> None:
    for name in names:
        document = draft.document.get(name)
        if document is not None and not is_script(document):
            compiled(draft, partial(compile_transform, document, at=name))
        elif document is not None:
            check_script(draft, document, name)


def check_script(draft: Draft[Any], document: dict[str, Any], path: str) -> None:
    script = document.get("script") or {}
    if not script.get("_scriptId"):
        draft.fail(f"{path}.script._scriptId", "is needed by type script.", code="missing_required_field")


def check_file(draft: Draft[Any]) -> None:
    """File definitions are resources that nothing here keeps: a document that leans on one is not taken."""
    file = draft.document.get("file") or {}
    why = "is not supported by this deployment: it keeps no file definitions."
    if file.get("type") == "filedefinition":
        draft.fail("file.type", f"filedefinition {why}", code="unsupported")
    if file.get("fileDefinition"):
        draft.fail("file.fileDefinition", why, code="unsupported")


def check_templates(draft: Draft[Any]) -> None:
    for path, text in templates_of(draft.document):
        try:
            compile_template(text, "handlebars")
        except TemplateError as error:
            draft.fail(path, str(error), code="invalid_template")


def templates_of(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, text) of every member that is a template by its place."""
    for name in TEMPLATE_MEMBERS:
        if isinstance(document.get(name), str):
            yield name, document[name]
    for name in ("relativeURI", "body", "query"):
        for index, lookup in enumerate(lookups_of(document)):
            if isinstance(lookup.get(name), str):
                yield f"lookups[{index}].{name}", lookup[name]
    yield from texts_of_mail(document.get("email") or {})
    http = document.get("http")
    if not isinstance(http, dict):
        return
    for name in ("relativeURI", "body"):
        value = http.get(name)
        if isinstance(value, str):
            yield f"http.{name}", value
        elif isinstance(value, list):
            yield from ((f"http.{name}[{i}]", text) for i, text in enumerate(value) if isinstance(text, str))
    for index, header in enumerate(http.get("headers") or []):
        yield f"http.headers[{index}].value", header["value"]
    paging = http.get("paging") or {}
    for name in ("relativeURI", "body"):
        if isinstance(paging.get(name), str):
            yield f"http.paging.{name}", paging[name]


def texts_of_mail(email: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("from", "subject", "body", "html"):
        if email.get(name):
            yield f"email.{name}", email[name]
    for name in ("to", "cc", "bcc", "replyTo"):
        yield from ((f"email.{name}[{i}]", text) for i, text in enumerate(email.get(name) or []))
    for i, attachment in enumerate(email.get("attachments") or []):
        yield from ((f"email.attachments[{i}].{name}", text) for name, text in attachment.items())


def lookups_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """None of them where they are no list of objects: the mapping's own check says that."""
    try:
        return gather_lookups(document)
    except DocumentError:
        return []

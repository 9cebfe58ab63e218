"""Hooks and script filters: users' JavaScript, a page a call, in the sandbox."""

from dataclasses import dataclass
from typing import Any, Protocol

from apps.core.errors import ValidationError
from apps.engine.sandbox import Sandbox, SandboxError
from apps.flows.pipeline.steps import Failure

sandbox = Sandbox()


@dataclass(frozen=True)
class Hook:
    """A function of a script, with the options every hook gets."""

    source: str
    function: str
    tenant: str
    options: dict[str, Any]

    def call(self, **options: Any) -> Any:
        """Raises SandboxError."""
        return sandbox.run_function(self.source, self.function, {**self.options, **options}, tenant=self.tenant)


def find_hook(
    reference: Any, *, scripts: dict[str, str], tenant: str, options: dict[str, Any], where: str
) -> Hook | None:
    """None for an absent reference; an unknown script or a hosted stack is a ValidationError naming the place."""
    if not isinstance(reference, dict) or not any(reference.values()):
        return None
    if reference.get("_stackId"):
        raise ValidationError(
            "Hooks hosted on a stack are not supported by this deployment.", field=f"{where}._stackId"
        )
    if not reference.get("function"):
        raise ValidationError("is required", field=f"{where}.function")
    source = scripts.get(str(reference.get("_scriptId")))
    if source is None:
        raise ValidationError(f"Script {reference.get('_scriptId')} does not exist.", field=f"{where}._scriptId")
    if "configuration" in reference:
        options = {**options, "configuration": reference["configuration"]}
    return Hook(source=source, function=reference["function"], tenant=tenant, options=options)


def script_failure(source: str, error: SandboxError) -> Failure:
    return Failure(source=source, code=error_code(error), message=str(error), classification="none")


def error_code(error: SandboxError) -> str:
    name = type(error).__name__.removesuffix("Error")
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_")


SavedPage = tuple[list[Any], list[tuple[Any, Failure]], bool]


class SavePage(Protocol):
    def __call__(self, records: list[Any], index: int, files: list[Any] | None = None, /) -> SavedPage:
        """`files` are those that the records came from."""


def page_save(hook: Hook | None, *, dates: dict[str, Any]) -> SavePage | None:
    """preSavePage: may change a page's records, report errors, end the reading; an exception is fatal to the run."""
    if hook is None:
        return None

    def save(records: list[Any], index: int, files: list[Any] | None = None) -> SavedPage:
        own = {} if files is None else {"files": files}
        try:
            answer = hook.call(data=records, errors=[], retryData={}, pageIndex=index, **own, **dates)
        except SandboxError as error:
            raise ValidationError(f"preSavePage failed: {error}", code="pre_save_page_failed") from None
        if not isinstance(answer, dict) or not isinstance(answer.get("data", []), list):
            raise ValidationError("preSavePage must return an object with a data array.", code="pre_save_page_failed")
        return list(answer.get("data", [])), reported(answer), bool(answer.get("abort"))

    return save


def reported(answer: dict[str, Any]) -> list[tuple[Any, Failure]]:
    """The errors that preSavePage lists, of no record or of those it hands back with them."""
    found = [(None, error) for error in listed(answer.get("errors"))]
    for entry in listed(answer.get("newErrorsAndRetryData")):
        if isinstance(entry, dict):
            found += [(entry.get("retryData"), error) for error in listed(entry.get("errors"))]
    return [(record, said_failure("pre_save_page_hook", error)) for record, error in found]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def said_failure(source: str, error: Any, *, code: str = "hook") -> Failure:
    """An error as a script says it: {code, message}, or whatever else it has put there."""
    said = error if isinstance(error, dict) else {"message": error}
    return Failure(source=source, code=str(said.get("code") or code), message=str(said.get("message", said)))


def aligned(answer: Any, *, count: int, name: str, source: str) -> list[Any] | Failure:
    """A hook's list of one entry a record; a wrong length fails the page."""
    if not isinstance(answer, list) or len(answer) != count:
        got = f"{len(answer)} elements" if isinstance(answer, list) else "no array"
        message = f"{name} must return as many elements as it got ({count}); it returned {got}."
        return Failure(source=source, code="invalid_hook_response", message=message)
    return answer

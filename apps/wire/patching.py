"""JSON patch as the Celigo conventions have it: add, replace and remove, and only under the paths a resource lists."""

import copy
import re
from typing import Any

from apps.core.errors import BadRequestError, ValidationError, ValidationErrors

OPERATIONS = ("add", "replace", "remove")
MAX_OPERATIONS = 1000


def apply_patch(document: dict[str, Any], operations: Any, *, allowed: re.Pattern[str]) -> dict[str, Any]:
    """The document after all operations; the one given is left as it was. `allowed` must match a path whole.

    Raises BadRequestError for what is no patch, ValidationErrors for paths that are not open to patching or not there.
    """
    check_operations(operations)
    refused = [
        ValidationError(f"{operation['path']} cannot be patched.", field=operation["path"], code="invalid_patch_path")
        for operation in operations
        if not allowed.fullmatch(operation["path"])
    ]
    if refused:
        raise ValidationErrors(refused)
    patched = copy.deepcopy(document)
    for operation in operations:
        apply_operation(patched, operation)
    return patched


def check_operations(operations: Any) -> None:
    if not isinstance(operations, list) or not operations:
        raise BadRequestError("A patch is a list of operations, with one at least.", code="invalid_patch")
    if len(operations) > MAX_OPERATIONS:
        raise BadRequestError(f"A patch holds {MAX_OPERATIONS} operations at most.", code="invalid_patch")
    for index, operation in enumerate(operations):
        at = f"[{index}]"
        if not isinstance(operation, dict):
            raise BadRequestError(f"{at} must be an object.", field=at, code="invalid_patch")
        if operation.get("op") not in OPERATIONS:
            allowed = ", ".join(OPERATIONS)
            raise BadRequestError(f"{at}.op must be one of {allowed}.", field=f"{at}.op", code="invalid_patch")
        if not isinstance(operation.get("path"), str) or not operation["path"].startswith("/"):
            raise BadRequestError(f"{at}.path must begin with a slash.", field=f"{at}.path", code="invalid_patch")
        if operation["op"] != "remove" and "value" not in operation:
            raise BadRequestError(f"{at}.value is missing.", field=f"{at}.value", code="invalid_patch")


def apply_operation(document: Any, operation: dict[str, Any]) -> None:
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"][1:].split("/")]
    target, value = document, copy.deepcopy(operation.get("value"))
    for part in parents:
        target = step_into(target, part, path=operation["path"])
    if isinstance(target, dict):
        if operation["op"] == "remove":
            if last not in target:
                raise missing(operation["path"])
            del target[last]
        else:
            target[last] = value  # clients replace members that are not there yet
    elif isinstance(target, list) and last == "-" and operation["op"] == "add":
        target.append(value)
    elif isinstance(target, list):
        index = index_of(last, len(target) + (operation["op"] == "add"), path=operation["path"])
        if operation["op"] == "add":
            target.insert(index, value)
        elif operation["op"] == "remove":
            del target[index]
        else:
            target[index] = value
    else:
        raise missing(operation["path"])


def step_into(target: Any, part: str, *, path: str) -> Any:
    if isinstance(target, dict) and part in target:
        return target[part]
    if isinstance(target, list):
        return target[index_of(part, len(target), path=path)]
    raise missing(path)


def index_of(text: str, size: int, *, path: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,8}", text) or int(text) >= size:
        raise missing(path)
    return int(text)


def missing(path: str) -> ValidationError:
    return ValidationError(f"There is nothing at {path}.", field=path, code="invalid_patch_path")

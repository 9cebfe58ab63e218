"""What can go wrong with a script. Messages are for the script's author: they never name the host's own parts."""

from __future__ import annotations


class SandboxError(Exception):
    """A script could not do its work; the process and the next script are unharmed."""


class ScriptSyntaxError(SandboxError):
    """The source does not parse."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(f"{message} (line {line})" if line else message)
        self.message = message
        self.line = line


class ScriptImportError(SandboxError):
    """The source imports a module that this sandbox does not offer."""

    def __init__(self, module: str, *, available: tuple[str, ...]) -> None:
        offer = ", ".join(available) or "none"
        super().__init__(f"module '{module}' is not available in the sandbox (available: {offer})")
        self.module = module


class ScriptError(SandboxError):
    """The script threw; `name` and `message` are those of the exception, `line` counts from 1 in the script."""

    def __init__(self, message: str, *, name: str = "Error", line: int | None = None) -> None:
        super().__init__(f"{name}: {message}" + (f" (line {line})" if line else ""))
        self.name = name
        self.message = message
        self.line = line


class ScriptFunctionError(SandboxError):
    """The script has no function of the wanted name."""


class ScriptTimeoutError(SandboxError):
    """The script ran longer than its time limit."""


class ScriptMemoryError(SandboxError):
    """The script needed more memory than its limit."""


class ScriptInputError(SandboxError):
    """The argument is not JSON-shaped."""


class ScriptOutputError(SandboxError):
    """The result is too large or not JSON."""


class PortError(Exception):
    """Raised by a port: its message is thrown inside the script, which may catch it.

    Any other exception of a port ends the script at once and leaves `run_function` unchanged.
    """

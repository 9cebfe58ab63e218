"""Logic documents: the behaviour of a component as JSON, compiled once, run as a generator of effects.

A document is a program of steps, or one in JavaScript:

    {"steps": [step, …], "output": value}
    {"language": "javascript", "source": "function execute(scope) { … }", "function": "execute"}

`output` is the program's result unless a `return` step gave one; without either it is null. `function` is `execute`
unless given.

Each step is an object with exactly one of these members, which is its kind:

| kind | its value | other members of the step | result |
|---|---|---|---|
| `request` | object: `method url headers query body encoding effect repeat key accept` | `name` | the response |
| `call` | component name, or object: `component kind connector input` | `name` | the component's output |
| `set` | object of values, written to `vars` | `name` | the values |
| `branch` | list of `{"when": value, "steps": [...]}`, first that holds | `else`: steps | – |
| `each` | value giving a list, or a number of rounds | `steps`, `as`, `until`, `output`, `name` | list of `output` |
| `return` | value | – | ends the program |
| `fail` | text, or object: `message status code data` | – | ends it with an error |

Every step may carry `when`: a value, or `{"condition": name, "input": value}` for a condition component's verdict;
the step is passed over unless it holds. A `name` makes the result readable as
`steps.<name>`; names are unique in a document. The members of `request`, `call`, `each` and `fail` are described at
the top of their files in `steps/`. Unknown members are refused.

A value is any JSON. Texts with `{{ }}` or `{% %}` in it are Jinja templates with native types; a text that is one bare
path, `{{ input.data.name }}`, reads the value as it is, null when it is missing. Values see:

| name | what |
|---|---|
| `input.data`, `input.query` | the body and the query of the call |
| `connector`, `connection` | the connector and the connection the program runs on |
| `vars` | the connector's variables, and what `set` wrote |
| `fn` | the connector's functions: `fn.name(value)`, in JavaScript programs `scope.fn.name(value)` |
| `steps` | results of named steps so far |
| `item` (or `as`), `index` | inside `each` |

A step's path is its place in the document, and with the iteration it identifies an effect for good:
`steps[2].each[0].request` is the request in the first step of the loop in the third step, and iteration `4.0` means
the fifth round of the outer loop, the first of the inner one.

    run = compile_logic(document).run(scope, recorded=results_by_path_and_iteration)
    effect = next(run)                 # RequestEffect, CallEffect, SetEffect, ScriptEffect
    effect = run.send(result)          # … until StopIteration, whose value is the output
"""

from apps.engine.logic.compiler import compile_logic
from apps.engine.logic.effects import CallEffect, Effect, RequestEffect, ScriptEffect, SetEffect
from apps.engine.logic.errors import (
    LogicBoundError,
    LogicError,
    LogicFailedError,
    LogicRunError,
    RequestRefusedError,
)
from apps.engine.logic.frame import Bounds
from apps.engine.logic.program import Program, ScriptProgram, StepsProgram

__all__ = [
    "Bounds",
    "CallEffect",
    "Effect",
    "LogicBoundError",
    "LogicError",
    "LogicFailedError",
    "LogicRunError",
    "Program",
    "RequestEffect",
    "RequestRefusedError",
    "ScriptEffect",
    "ScriptProgram",
    "SetEffect",
    "StepsProgram",
    "compile_logic",
]

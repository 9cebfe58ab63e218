"""How much processor time one rendering takes. Run: python -m tests.benchmarks.bench_templates"""

import sys
import timeit
from collections.abc import Callable
from time import process_time
from typing import Any

from apps.engine.templates import compile, compile_sql

SCOPE: dict[str, Any] = {
    "record": {"id": 5, "name": "Ann", "tags": ["a", "b"], "qty": "3"},
    "data": {"properties": {"name": "svc"}},
    "batch_of_records": [{"record": {"id": number, "name": f"n{number}"}} for number in range(100)],
}
BATCH = "[{{#each batch_of_records}}{{{jsonSerialize record}}}{{#unless @last}},{{/unless}}{{/each}}]"
SQL = "insert into t (a, b, c) values ({{record.id}}, '{{record.name}}', {{record.qty}})"
JINJA = "{% if data.properties.name %}{{ data.properties.name | upper }}{% endif %}"

CASES: list[tuple[str, Callable[[], Any], int]] = [
    ("lone path", lambda: lone.render(SCOPE), 200_000),
    ("url with two paths", lambda: url.render(SCOPE), 200_000),
    ("lowercase", lambda: lower.render(SCOPE), 50_000),
    ("divide", lambda: divide.render(SCOPE), 50_000),
    ("eq", lambda: equal.render(SCOPE), 50_000),
    ("if and else", lambda: choice.render(SCOPE), 50_000),
    ("helper in helper", lambda: helpers.render(SCOPE), 50_000),
    ("batch of 100 records", lambda: batch.render(SCOPE), 500),
    ("sql, three values", lambda: sql.bind(SCOPE), 50_000),
    ("cached compile", lambda: compile("{{{record.id}}}", "handlebars"), 200_000),
    ("jinja lone path", lambda: jinja_path.render_native(SCOPE), 200_000),
    ("jinja condition and filter", lambda: jinja.render_native(SCOPE), 20_000),
]

lone = compile("{{{record.id}}}", "handlebars")
url = compile("https://x/{{{record.id}}}?q={{record.name}}", "handlebars", place="url")
helpers = compile('{{uppercase (join "-" record.name record.tags)}}', "handlebars")
lower = compile("{{lowercase record.name}}", "handlebars")
divide = compile("{{divide record.id 100}}", "handlebars")
equal = compile('{{eq record.name "Ann"}}', "handlebars")
choice = compile("{{#if record.name}}{{record.name}}{{else}}nobody{{/if}}", "handlebars")
batch = compile(BATCH, "handlebars", place="json")
sql = compile_sql(SQL)
jinja_path = compile("{{ data.properties.name }}", "jinja")
jinja = compile(JINJA, "jinja")


def main() -> None:
    for name, run, times in CASES:
        best = min(timeit.repeat(run, timer=process_time, number=times, repeat=5)) / times
        sys.stdout.write(f"{name:28} {best * 1e6:8.2f} µs\n")


if __name__ == "__main__":
    main()

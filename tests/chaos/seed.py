"""Fills an installation's database with what the chaos runs use; a process of its own, as its settings are its own.

`python -m tests.chaos.seed <address of the systems>` prints the ids that the test needs, as JSON.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

IDENTITY = [
    {"generate": "id", "dataType": "number", "extract": "$.id", "status": "Active"},
    {"generate": "name", "dataType": "string", "extract": "$.name", "status": "Active"},
]
INSERT = "INSERT INTO orders (run, id, name) VALUES ({{job.parentJob._id}}, {{record.id}}, {{record.name}})"


def main(url: str) -> None:
    django.setup()
    from apps.accounts.models import ApiKey

    organization = ApiKey.objects.order_by("created_at").first().organization
    flow = make_flow(organization, url)
    make_chain(organization, url)
    print(json.dumps({"organization": organization.id.hex, "flow": flow.hex_id}))


def make_flow(organization, url):
    """From a paged source to a sink that honours keys, and on into a table."""
    from apps.connections.models import Connection
    from apps.core.ids import hex24
    from apps.flows.models import Export, Flow, Import

    own = {"organization": organization}
    http = {"baseURI": url, "mediaType": "json", "auth": {"type": "custom"}}
    system = Connection.objects.create(**own, name="system", type="http", document={"http": http})
    sqlite = {"rdbms": {"type": "sqlite", "database": "shop.sqlite3"}}
    table = Connection.objects.create(**own, name="table", type="rdbms", document=sqlite)
    paging = {"method": "page", "page": 1, "maxPagePath": "pages"}
    source = {"method": "GET", "relativeURI": "/orders?page={{export.http.paging.page}}", "paging": paging}
    export = Export.objects.create(
        **own, name="orders", adaptor_type="HTTPExport", connection=system,
        document={"http": {**source, "response": {"resourcePath": "data"}}, "pageSize": 10},
    )  # fmt: skip
    run = [{"name": "X-Run", "value": "{{job.parentJob._id}}"}]
    sink = Import.objects.create(
        **own, name="sink", adaptor_type="HTTPImport", connection=system,
        document={"http": {"method": ["POST"], "relativeURI": ["/sink"], "headers": run}, "mappings": IDENTITY},
    )  # fmt: skip
    rows = Import.objects.create(
        **own, name="rows", adaptor_type="RDBMSImport", connection=table,
        document={"rdbms": {"queryType": ["per_record"], "query": [INSERT]}, "mappings": IDENTITY},
    )  # fmt: skip
    steps = [{"type": "import", "_importId": hex24(row.id)} for row in (sink, rows)]
    document = {"pageGenerators": [{"_exportId": hex24(export.id)}], "pageProcessors": steps}
    return Flow.objects.create(**own, name="orders to sink and table", document=document)


def make_chain(organization, url):
    """An action of three writes; nothing tells whether the second has arrived."""
    from apps.connectors import services

    def write(name, repeat):
        body = {"n": "{{ input.data.n }}"}
        request = {"method": "POST", "url": f"{url}/chain/{name}", "body": body, "effect": "write", "repeat": repeat}
        return {"name": name, "request": request}

    connector = services.create_connector(organization_id=organization.id, name="chain")
    services.publish_version(version=services.create_version(connector=connector, base_url=url, logic={}))
    steps = [write("first", "key"), write("second", "none"), write("third", "key"), {"return": {"done": True}}]
    services.create_component(
        connector=connector, kind="action", name="three", logic={"execute": {"steps": steps}},
        schema={"variables": None, "output": None}, published=True,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])

"""Makes the tables of an empty database at once, as all migrations together leave them.

Taken one by one, each of them makes Django build the models anew as they were at that moment: ten seconds of a first
start, for tables that hold nothing. All or nothing: a process that is killed meanwhile leaves the database empty.
"""

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def is_empty() -> bool:
    return not connection.introspection.table_names()


def create_tables() -> None:
    """All migrations are noted as done: those that fill what is there would have found nothing."""
    loader, recorder = MigrationLoader(connection), MigrationRecorder(connection)
    with connection.schema_editor() as editor:
        for model in loader.project_state().apps.get_models():
            if model._meta.can_migrate(connection):
                editor.create_model(model)
        editor.create_model(recorder.Migration)
        done = [recorder.Migration(app=app, name=name) for app, name in sorted(loader.graph.nodes)]
        recorder.migration_qs.bulk_create(done)

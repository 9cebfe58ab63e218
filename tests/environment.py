"""A data directory of the tests' own, set before settings are read: pytest-django reads them before any conftest."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

data = Path(tempfile.mkdtemp(prefix="junction-test-"))
atexit.register(shutil.rmtree, data, ignore_errors=True)
os.environ["JUNCTION_DATA"] = str(data)
os.environ.setdefault("JUNCTION_ALLOW_NETWORKS", "127.0.0.0/8")
os.environ.setdefault("JUNCTION_LOG_LEVEL", "WARNING")
os.environ.setdefault("JUNCTION_SQLITE_SYNCHRONOUS", "OFF")  # a test need not survive a power cut
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):  # nothing beside the sources; but what tests start compiles once
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(data / "compiled"))

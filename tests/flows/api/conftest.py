import pytest

from tests.api import Api
from tests.contracts.world import build_world


@pytest.fixture
def world(owner):
    return build_world(owner)


@pytest.fixture
def api(owner):
    return Api(owner, prefix="/v1")

import pytest

from tests.api import Api


@pytest.fixture
def api(owner):
    return Api(owner)

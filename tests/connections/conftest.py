"""What the tests of OAuth share."""

import pytest

from tests.connections.oauth_world import OAuthWorld, make_oauth_world
from tests.connections.provider import Provider


@pytest.fixture
def provider(system) -> Provider:
    return Provider(system)


@pytest.fixture
def world(organization, provider) -> OAuthWorld:
    return make_oauth_world(organization, provider)

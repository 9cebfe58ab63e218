"""/v1/integrations."""

import re

from apps.integrations.api.serializers import IntegrationSerializer
from apps.integrations.services import INTEGRATIONS
from apps.wire.viewsets import ResourceViewSet


class IntegrationViewSet(ResourceViewSet):
    resource = INTEGRATIONS
    serializer_class = IntegrationSerializer
    patchable = re.compile(
        r"/(settings|aliases)(/.*)?|/(version|tag|updateInProgress)|/flowGroupings/[^/]+/settings(/.*)?"
    )

"""/v1/connections: secrets read back masked, and a mask written back changes nothing."""

import re

from apps.connections.api.serializers import ConnectionSerializer
from apps.connections.resource import CONNECTIONS
from apps.wire.paging import SHORT_FORM
from apps.wire.viewsets import ResourceViewSet


class ConnectionViewSet(ResourceViewSet):
    """The documents list no paths for connections: any member of the document but its identity may be patched."""

    resource = CONNECTIONS
    serializer_class = ConnectionSerializer
    short_form = SHORT_FORM | {"type", "offline"}
    patchable = re.compile(r"/(?!(_id|type|createdAt|lastModified|offline|_connectorId|_integrationId)(/|$)).+")

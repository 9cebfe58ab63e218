"""/v1/exports, imports, scripts and flows as documents."""

import re

from apps.flows.api.serializers.exports import ExportSerializer
from apps.flows.api.serializers.flows import FlowSerializer, ScriptSerializer
from apps.flows.api.serializers.imports import ImportSerializer
from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS, SCRIPTS
from apps.wire.paging import SHORT_FORM
from apps.wire.viewsets import ResourceViewSet

# The documents list no paths for these: anything but identity and stamps.
ANY_MEMBER = re.compile(r"/(?!(_id|createdAt|lastModified)(/|$)).+")


class ExportViewSet(ResourceViewSet):
    resource = EXPORTS
    serializer_class = ExportSerializer
    patchable = ANY_MEMBER


class ImportViewSet(ResourceViewSet):
    resource = IMPORTS
    serializer_class = ImportSerializer
    patchable = ANY_MEMBER


class ScriptViewSet(ResourceViewSet):
    resource = SCRIPTS
    serializer_class = ScriptSerializer
    patchable = ANY_MEMBER


class FlowViewSet(ResourceViewSet):
    resource = FLOWS
    serializer_class = FlowSerializer
    short_form = SHORT_FORM | {"disabled"}
    patchable = re.compile(
        r"/(name|description|schedule|timezone|disabled|runPageGeneratorsInParallel|skipRetries)"
        r"|/aliases(/.*)?|/pageGenerators/\d+/(schedule|skipRetries)"
        r"|/routers/\d+/(name|branches/\d+/(name|description))"
    )

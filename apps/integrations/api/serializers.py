"""The documented form of an integration."""

import re
from typing import Any

from apps.wire.fields import (
    AnyField,
    Document,
    FlagField,
    IdField,
    ListField,
    NameField,
    ObjectField,
    Part,
    StampField,
    TextField,
    WholeField,
    WordField,
)

ALIAS = re.compile(r"[A-Za-z0-9_-]+")
STEP_TYPES = ("connection", "form", "url", "stack", "installPackage", "merge", "revert", "hidden")


class HookPart(Part):
    """A named function in a script."""

    _scriptId = IdField(allow_null=True)
    _stackId = IdField(allow_null=True)
    function = TextField(allow_null=True)
    configuration = AnyField()


class InstallStepPart(Part):
    name = TextField(required=True)
    description = TextField()
    imageURL = TextField()
    installURL = TextField()
    type = WordField(STEP_TYPES)
    completed = FlagField()
    _connectionId = IdField()
    sourceConnection = ObjectField()
    form = ObjectField()
    function = TextField()
    _scriptId = IdField()
    installerFunction = TextField()
    uninstallerFunction = TextField()
    url = TextField()


class FlowGroupingPart(Part):
    _id = IdField()
    name = TextField(required=True, allow_blank=False)
    settings = AnyField()
    settingsForm = ObjectField()


class AliasField(TextField):
    default_error_messages = {"alias": "An alias holds letters, digits, - and _ only."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not ALIAS.fullmatch(text):
            self.fail("alias")
        return text


class AliasPart(Part):
    alias = AliasField(required=True, allow_blank=False)
    description = TextField()
    _flowId = IdField()
    _connectionId = IdField()
    _exportId = IdField()
    _importId = IdField()


class InitChildPart(Part):
    function = TextField()


class IntegrationSerializer(Document):
    name = NameField()
    description = TextField()
    readme = TextField()
    tag = TextField()
    version = TextField()
    mode = WordField(("install", "settings", "uninstall"))
    settings = AnyField()
    settingsForm = ObjectField()
    updateInProgress = FlagField()
    install = ListField(InstallStepPart())
    installSteps = ListField(InstallStepPart())
    uninstallSteps = ListField(InstallStepPart())
    flowGroupings = ListField(FlowGroupingPart())
    aliases = ListField(AliasPart())
    _parentId = IdField()
    preSave = HookPart()
    initChild = InitChildPart()
    _registeredConnectionIds = ListField(IdField(), read_only=True)
    numFlows = WholeField(read_only=True)
    numError = WholeField(read_only=True)
    numRegisteredConnections = WholeField(read_only=True)
    numOfflineConnections = WholeField(read_only=True)
    lastErrorAt = StampField(read_only=True)

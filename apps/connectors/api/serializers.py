"""What the Interactor conventions say of connectors, written (`…Write`) and shown.

Members that a body echoes and only the server sets are not named in a `…Write`: they are accepted and ignored.
"""

from apps.accounts.api.fields import LabelField, NaiveStampField, PersonField, UuidField, UuidOrNullField
from apps.connectors.kinds import EVENT_TYPES
from apps.wire.fields import FlagField, ListField, NameField, ObjectField, Part, TextField, WholeField, WordField

MAX_ICON = 65_536  # an address, or a small picture as a data: address


class ConnectorWriteSerializer(Part):
    id = UuidField()
    name = NameField(required=False, max_length=100)
    type = TextField(max_length=100)
    platformId = TextField(max_length=100)
    sharing = TextField(max_length=100)
    icon = TextField(max_length=MAX_ICON, allow_null=True)
    displayOrder = WholeField(min_value=-(2**31), max_value=2**31 - 1)
    enabled = FlagField()
    defaultVersionId = UuidOrNullField()


class ConnectorSerializer(Part):
    enabled = FlagField(required=True)
    id = UuidField(required=True)
    name = TextField(required=True)
    type = TextField(required=True)
    sharing = TextField(required=True)
    icon = TextField(allow_null=True)
    insertedAt = NaiveStampField(required=True)
    updatedAt = NaiveStampField(required=True)
    updatedBy = PersonField(required=True)
    createdBy = PersonField(required=True)
    platformId = TextField(required=True)
    defaultVersionId = UuidOrNullField(required=True)
    displayOrder = WholeField(required=True)


class ConnectorVersionWriteSerializer(Part):
    id = UuidField()
    name = NameField(required=False, max_length=50)
    label = LabelField()
    published = FlagField()
    logic = ObjectField()
    setting = ObjectField()
    defaultConnectorSecurityId = UuidOrNullField()


class ConnectorVersionSerializer(Part):
    id = UuidField(required=True)
    name = TextField(required=True)
    label = LabelField(required=True)
    published = FlagField(required=True)
    logic = ObjectField(required=True)
    setting = ObjectField(required=True)
    insertedAt = NaiveStampField(required=True)
    createdBy = PersonField(required=True)
    updatedAt = NaiveStampField(required=True)
    updatedBy = PersonField(required=True)
    connectorId = UuidField(required=True)
    defaultConnectorSecurityId = UuidOrNullField(required=True)


class SecurityUpdateSerializer(Part):
    label = LabelField()
    scheme = TextField(max_length=255)
    type = WordField(("oauth2", "apiKey", "basic", "none"))
    config = ObjectField()


class SecurityCreateSerializer(SecurityUpdateSerializer):
    type = WordField(("oauth2", "apiKey", "basic", "none"), required=True)


class SecuritySerializer(Part):
    id = UuidField(required=True)
    label = LabelField(required=True)
    scheme = TextField(required=True)
    type = TextField()
    config = ObjectField(required=True)
    insertedAt = NaiveStampField(required=True)
    updatedAt = NaiveStampField(required=True)
    connectorId = UuidField(required=True)


class ComponentWriteSerializer(Part):
    """What all kinds share."""

    label = LabelField()
    name = NameField(required=False, max_length=150)
    schema = ObjectField()
    logic = ObjectField()


class ComponentSerializer(Part):
    id = UuidField(required=True)
    name = TextField(required=True)
    createdBy = PersonField(required=True)
    insertedAt = NaiveStampField(required=True)
    updatedAt = NaiveStampField(required=True)
    updatedBy = PersonField(required=True)
    connectorId = UuidField(required=True)
    published = FlagField(required=True)


class DatatypeSerializer(ComponentSerializer):
    schema = ObjectField(required=True)
    logic = ObjectField(required=True)
    datatypeId = UuidField(required=True)


class DatatypeWriteSerializer(ComponentWriteSerializer):
    published = FlagField()


class VariableWriteSerializer(Part):
    label = LabelField()
    name = NameField(required=False, max_length=150)
    config = ObjectField()
    required = FlagField()
    schema = ObjectField()
    published = FlagField()


class VariableSerializer(ComponentSerializer):
    label = LabelField(required=True)
    config = ObjectField(required=True)
    required = FlagField(required=True)
    schema = ObjectField(required=True)
    componentId = UuidField(required=True)


class ActionUpdateSerializer(ComponentWriteSerializer):
    tag = ListField(TextField(), allow_null=True)
    published = FlagField()


class ActionCreateSerializer(ActionUpdateSerializer):
    id = UuidField()
    name = NameField(max_length=150)


class ActionSerializer(ComponentSerializer):
    label = LabelField(required=True)
    tag = ListField(TextField(), required=True, allow_null=True)
    schema = ObjectField(required=True)
    logic = ObjectField(required=True)
    componentId = UuidField(required=True)


class EventUpdateSerializer(Part):
    eventId = UuidField()
    name = NameField(required=False, max_length=150)
    type = WordField(EVENT_TYPES)
    config = ObjectField()
    published = FlagField()
    setting = ObjectField()
    logic = ObjectField()


class EventCreateSerializer(EventUpdateSerializer):
    id = UuidField()


class EventSerializer(ComponentSerializer):
    type = WordField(EVENT_TYPES, required=True)
    config = ObjectField(required=True)
    logic = ObjectField(required=True)
    setting = ObjectField(required=True)
    eventId = UuidField(required=True)


class TriggerUpdateSerializer(ComponentWriteSerializer):
    published = FlagField()


class TriggerCreateSerializer(TriggerUpdateSerializer):
    triggerId = UuidField()


class TriggerSerializer(ComponentSerializer):
    label = LabelField(required=True)
    schema = ObjectField(required=True)
    logic = ObjectField(required=True)
    triggerId = UuidField(required=True)


class FunctionWriteSerializer(ComponentWriteSerializer):
    argument = TextField(max_length=1000, allow_null=True)
    language = TextField(max_length=50, allow_null=True)
    published = FlagField()


class FunctionSerializer(ComponentSerializer):
    label = LabelField(required=True)
    argument = TextField(required=True, allow_null=True)
    language = TextField(required=True, allow_null=True)
    schema = ObjectField(required=True)
    logic = ObjectField(required=True)
    componentId = UuidField(required=True)


class ConditionUpdateSerializer(ComponentWriteSerializer):
    published = FlagField()


class ConditionCreateSerializer(ConditionUpdateSerializer):
    id = UuidField()


class ConditionSerializer(ComponentSerializer):
    label = LabelField()
    schema = ObjectField()
    logic = ObjectField()
    condition_id = UuidField()

"""The documented form of a connection."""

from typing import Any

from apps.connections.documents import ERROR_MEDIA, MEDIA, PING_METHODS, SUCCESS_MEDIA
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
    TextsField,
    WholeField,
    WordField,
)

TYPES = [
    "http",
    "rest",
    "ftp",
    "s3",
    "rdbms",
    "mongodb",
    "jdbc",
    "dynamodb",
    "netsuite",
    "salesforce",
    "as2",
    "van",
    "filesystem",
    "wrapper",
    "mcp",
    "email",  # ours
]
AUTH_TYPES = ["custom", "basic", "token", "oauth", "wsse", "cookie", "jwt", "digest", "oauth1", "jwtbearer"]
GRANTS = ("authorizecode", "clientcredentials", "password")


class HeaderPart(Part):
    name = TextField(required=True, allow_blank=False)
    value = TextField(required=True)


class BasicPart(Part):
    username = TextField()
    password = TextField()


class TokenPart(Part):
    token = TextField()
    location = WordField(("header", "url", "body"))
    headerName = TextField()
    scheme = TextField()
    paramName = TextField()
    refreshMethod = WordField(("GET", "POST", "PUT"))
    refreshRelativeURI = TextField()
    refreshBody = TextField()
    refreshTokenPath = TextField()
    refreshToken = TextField()


class OAuthPart(Part):
    grantType = WordField(GRANTS)
    authURI = TextField()
    tokenURI = TextField()
    scope = TextsField()
    scopeDelimiter = TextField()
    clientId = TextField()
    clientSecret = TextField()
    accessTokenPath = TextField()
    useIClientFields = FlagField()
    # of ours: what the grant `password` sends, and how the provider wants to be spoken to
    username = TextField()
    password = TextField()
    pkce = FlagField()
    clientAuthentication = WordField(("basic", "post", "none"))
    authorizationParameters = ObjectField()
    tokenParameters = ObjectField()


class AuthPart(Part):
    type = WordField(AUTH_TYPES, required=True)
    failStatusCode = WholeField()
    failPath = TextField()
    failValues = TextsField()
    basic = BasicPart()
    token = TokenPart()
    oauth = OAuthPart()


class RateLimitPart(Part):
    failStatusCode = WholeField()
    failPath = TextField()
    failValues = TextsField()
    limit = WholeField(min_value=1)


class PingPart(Part):
    relativeURI = TextField(allow_null=True)
    method = WordField(PING_METHODS)
    body = TextField()
    successPath = TextField()
    successValues = TextsField()
    failPath = TextField()
    failValues = TextsField()
    errorPath = TextField()


class HttpPart(Part):
    formType = TextField()
    baseURI = TextField(required=True, allow_blank=False)
    mediaType = WordField(MEDIA, required=True)
    successMediaType = WordField(SUCCESS_MEDIA)
    errorMediaType = WordField(ERROR_MEDIA)
    disableStrictSSL = FlagField()
    concurrencyLevel = WholeField(min_value=1, max_value=50)
    targetConcurrencyLevel = WholeField(min_value=1, max_value=50)
    retryHeader = TextField()
    rateLimit = RateLimitPart()
    headers = ListField(HeaderPart())
    ping = PingPart()
    auth = AuthPart(required=True)
    encrypted = AnyField()
    unencrypted = ObjectField()
    _iClientId = IdField()


class FtpPart(Part):
    type = WordField(("ftp", "sftp", "ftps"))
    hostURI = TextField()
    port = WholeField(min_value=1, max_value=65535)
    username = TextField()
    password = TextField()
    authKey = TextField()


class EmailPart(Part):
    """A mail server: an extra of ours."""

    host = TextField()
    port = WholeField(min_value=1, max_value=65535)
    security = WordField(("starttls", "tls", "none"))
    username = TextField()
    password = TextField()
    ca = TextField()
    disableStrictSSL = FlagField()
    concurrencyLevel = WholeField(min_value=1, max_value=50)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": TextField()}  # a word of the language


class QueuePart(Part):
    """What waits to go out: `name` is the id of the connection whose concurrency counts."""

    name = TextField()
    size = WholeField()


class ConnectionSerializer(Document):
    name = NameField(max_length=100)
    type = WordField(TYPES, required=True)
    http = HttpPart()
    rest = ObjectField()
    ftp = FtpPart()
    s3 = ObjectField()
    rdbms = ObjectField()
    mongodb = ObjectField()
    netsuite = ObjectField()
    salesforce = ObjectField()
    wrapper = ObjectField()
    filesystem = ObjectField()
    email = EmailPart()
    externalId = TextField(max_length=255)
    assistant = TextField()
    _agentId = IdField()
    _borrowConcurrencyFromConnectionId = IdField()
    autoRecoverRateLimitErrors = FlagField()
    debugDate = StampField()
    settings = ObjectField()
    settingsForm = ObjectField()
    sandbox = FlagField()
    offline = FlagField(read_only=True)
    _connectorId = IdField(read_only=True)
    _integrationId = IdField(read_only=True)
    queues = ListField(QueuePart(), read_only=True)

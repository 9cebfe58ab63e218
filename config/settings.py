"""All settings of a process, read once from the environment. A bad value ends the process with one sentence."""

from pathlib import Path
from typing import Any

from django.templatetags.static import static

from apps.core import environment
from apps.core.environment import refuse
from apps.core.networks import parse_allow_networks
from config.secrets import load_secrets

BASE_DIR = Path(__file__).resolve().parent.parent

# Where a node keeps what is its own: database file, generated secrets, tenants' files.
DATA_DIR = Path(environment.text("JUNCTION_DATA", str(BASE_DIR / ".junction"))).expanduser().resolve()
SECRETS = load_secrets(DATA_DIR)

SECRET_KEY = SECRETS.django
JUNCTION_KEYS = SECRETS.vault
DEBUG = False
PUBLIC_URL = environment.public_url("JUNCTION_PUBLIC_URL")
try:
    JUNCTION_ALLOW_NETWORKS = parse_allow_networks(environment.text("JUNCTION_ALLOW_NETWORKS"))
except ValueError as error:
    refuse("JUNCTION_ALLOW_NETWORKS", error)
# Whose pages may show the connect page in a frame.
EMBED_ORIGINS = environment.origins("JUNCTION_EMBED_ORIGINS")
JUNCTION_METRICS_TOKEN = environment.text("JUNCTION_METRICS_TOKEN")
JUNCTION_FILE_ROOT = DATA_DIR / "files"
BLOB_ROOT = DATA_DIR / "blobs"  # files on their way through flows; no connection reaches them
ALLOWED_HOSTS = ["*"]  # The public URL, not the Host header, is what links are made of.
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
if PUBLIC_URL.startswith("https://"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
# Redirects to https and HSTS belong to the proxy that ends TLS, and to whoever owns the whole domain.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "apps.console.admin_app.ConsoleAdminConfig",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_structlog",
    "apps.core",
    "apps.wire",
    "apps.audit",
    "apps.accounts",
    "apps.work",
    "apps.events",
    "apps.integrations",
    "apps.connectors",
    "apps.connections",
    "apps.executions",
    "apps.schedules",
    "apps.inbound",
    "apps.catalog",
    "apps.subscriptions",
    "apps.flows",
    "apps.automations",
    "apps.alarms",
    "apps.console",
    "apps.ops",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.console.middleware.ConsoleMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "apps.ops.middleware.RequestMetrics",
]
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # apps.ops.middleware tells the client, once a request
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


# FULL survives a power cut; a killed process loses nothing with any of them.
SQLITE_SYNCHRONOUS = environment.choice(
    "JUNCTION_SQLITE_SYNCHRONOUS", default="FULL", options=["FULL", "NORMAL", "OFF"]
)


# A server whose machine has vanished answers nothing, not even no: by the system's defaults that takes a quarter of an
# hour to notice. In seconds, the last one in milliseconds.
POSTGRES_NETWORK: dict[str, Any] = {
    "connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}  # fmt: skip


def database() -> dict[str, Any]:
    found = environment.database_url("DATABASE_URL")
    if found is None:
        found = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA_DIR / "junction.sqlite3")}
    if found["ENGINE"] == "django.db.backends.sqlite3":
        found["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;"
            f" PRAGMA synchronous={SQLITE_SYNCHRONOUS};",
        }
        found["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # a file, so that threads share it as they do in life
    else:
        found["CONN_MAX_AGE"] = 300
        found["CONN_HEALTH_CHECKS"] = True
        found["OPTIONS"] = {**POSTGRES_NETWORK, **found.get("OPTIONS", {})}
    return found


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # straight from the packages: there is no collectstatic step to forget
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024

vars().update(environment.email_url("EMAIL_URL"))
BROKER_URL = environment.broker_url("BROKER_URL")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.wire.permissions.ActorPermission"],
    "DEFAULT_RENDERER_CLASSES": ["apps.wire.rendering.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.wire.rendering.OrjsonParser"],
    "DEFAULT_SCHEMA_CLASS": "apps.wire.schema.DialectSchema",
    "EXCEPTION_HANDLER": "apps.wire.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Junction",
    "VERSION": "1.0.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "OAS_VERSION": "3.1.0",
}
# The console in a deep teal: red, amber, green and blue are taken, they tell states.
TEAL = {
    "50": "oklch(98.4% .014 180.72)",
    "100": "oklch(95.3% .051 180.801)",
    "200": "oklch(91% .096 180.426)",
    "300": "oklch(85.5% .138 181.071)",
    "400": "oklch(77.7% .152 181.912)",
    "500": "oklch(60% .118 184.704)",
    "600": "oklch(51.1% .096 186.391)",
    "700": "oklch(43.7% .078 188.216)",
    "800": "oklch(38.6% .063 188.416)",
    "900": "oklch(33% .053 188.5)",
    "950": "oklch(27.7% .046 192.524)",
}
UNFOLD = {
    "SITE_TITLE": "Junction",
    "SITE_HEADER": "Junction",
    "SITE_SYMBOL": "hub",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/icon.svg")},
    ],
    "STYLES": [lambda request: static("console/console.css")],
    "SCRIPTS": [lambda request: static("console/console.js")],
    "SIDEBAR": {"navigation": "apps.console.navigation.sidebar"},
    "ACCOUNT": {"navigation": "apps.console.navigation.account_links"},
    "COLORS": {"primary": TEAL},
}
LOGGING_CONFIG = "config.logs.configure"
LOGGING = {
    "level": environment.choice(
        "JUNCTION_LOG_LEVEL", default="INFO", options=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    ),
    "json": environment.flag("JUNCTION_LOG_JSON", default=True),
}

# The engine room: seconds, sizes and counts that operators may tune and tests may shorten.
WORK_LEASE_SECONDS = environment.number("JUNCTION_LEASE_SECONDS", default=60)
KEEP_EXCHANGES_DAYS = environment.number("JUNCTION_KEEP_EXCHANGES_DAYS", default=7)
KEEP_EXECUTIONS_DAYS = environment.number("JUNCTION_KEEP_EXECUTIONS_DAYS", default=90)
CALL_TIMEOUT_SECONDS = environment.number("JUNCTION_CALL_TIMEOUT", default=60)
FLOW_PAGES_IN_FLIGHT = environment.number("JUNCTION_PAGES_IN_FLIGHT", default=10)
# How long a source that fails for a passing reason is waited for, each time; then its export has failed.
FLOW_SOURCE_RETRY_SECONDS = environment.seconds("JUNCTION_SOURCE_RETRY_SECONDS", default="5,30,120")

"""Every setting, read once from the environment. The README's table lists the variables; a bad value raises BadSetting."""

from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF

from ecsaudit import data_dir
from ecsaudit.environment import BadSetting, Environment
from ecsaudit.mail_server import MailServer, sender

env = Environment()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- the installation -------------------------------------------------------------------------------------------------
DATA_DIR = data_dir.prepare(Path(env.text("ECSAUDIT_DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve())
SECRET_KEY = env.secret("ECSAUDIT_SECRET_KEY") or data_dir.secret_key(DATA_DIR)
DEBUG = env.boolean("ECSAUDIT_DEBUG", False)
ALLOWED_HOSTS = list(env.items("ECSAUDIT_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]")))
BEHIND_HTTPS = env.boolean("ECSAUDIT_HTTPS", False)
# Under which people reach the product: links in what leaves it begin with it.
PUBLIC_URL = env.url("ECSAUDIT_URL", "http://localhost:8000")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if BEHIND_HTTPS and host != "*"]

# --- the collector ----------------------------------------------------------------------------------------------------
AWS_PROFILE = env.text("ECSAUDIT_AWS_PROFILE")
AWS_REGIONS = env.items("ECSAUDIT_AWS_REGIONS")
BACKFILL_DAYS = env.integer("ECSAUDIT_BACKFILL_DAYS", 90, lowest=1, highest=90)
POLL_SECONDS = env.integer("ECSAUDIT_POLL_SECONDS", 60, lowest=1, highest=86_400)
LEASE_SECONDS = env.integer("ECSAUDIT_LEASE_SECONDS", 30, lowest=1, highest=3_600)
# AWS allows 2 a second for each account and Region, shared with everybody who looks at the event history.
LOOKUPS_PER_SECOND = env.integer("ECSAUDIT_LOOKUPS_PER_SECOND", 2, lowest=1, highest=1_000)
RULES_DIR = Path(env.text("ECSAUDIT_RULES_DIR", str(BASE_DIR / "rules"))).expanduser().resolve()

# --- notifications ----------------------------------------------------------------------------------------------------
GIVE_UP_HOURS = env.integer("ECSAUDIT_GIVE_UP_HOURS", 24, lowest=1, highest=720)
# The newest first: it seals, all of them open. Without any, a file in the data folder holds one.
ENCRYPTION_KEYS = env.keys("ECSAUDIT_ENCRYPTION_KEYS")
ALLOWED_WEBHOOK_HOSTS = env.hosts("ECSAUDIT_ALLOWED_WEBHOOK_HOSTS")
mail_server = MailServer.of(env.secret("ECSAUDIT_SMTP_URL"), "ECSAUDIT_SMTP_URL")
EMAIL_HOST, EMAIL_PORT = mail_server.host, mail_server.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = mail_server.user, mail_server.password
EMAIL_USE_TLS, EMAIL_USE_SSL = mail_server.starttls, mail_server.tls
EMAIL_TIMEOUT = 10  # seconds for each step
DEFAULT_FROM_EMAIL = sender(env.text("ECSAUDIT_EMAIL_FROM", "ecsaudit@localhost"), "ECSAUDIT_EMAIL_FROM")

# --- policies ---------------------------------------------------------------------------------------------------------
# Nobody is told about what happened longer ago than this, so that a first backfill sends nothing.
NOTIFY_HOURS = env.integer("ECSAUDIT_NOTIFY_HOURS", 24, lowest=1, highest=2_160)

# --- Django -----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "ecsaudit",
    "ecsaudit.people",
    "ecsaudit.cloudtrail",
    "ecsaudit.execsessions",
    "ecsaudit.library",
    "ecsaudit.findings",
    "ecsaudit.notifications",
    "ecsaudit.securityhub",
    "ecsaudit.policies",
    "ecsaudit.replay",
    "ecsaudit.web",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_ace",
    "django_htmx",
    "django_include_bootstrap",
    "axes",
    "csp",
    # Of Django REST framework only the Python is used: no browsable pages, so it is no app.
    "drf_spectacular",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "ecsaudit.people.middleware.PasswordChangeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "ecsaudit.web.middleware.MethodNotAllowedMiddleware",
]
ROOT_URLCONF = "ecsaudit.urls"
WSGI_APPLICATION = "ecsaudit.wsgi.application"
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
                "ecsaudit.web.context.installation",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- database ---------------------------------------------------------------------------------------------------------
SQLITE_OPTIONS = {
    # A write transaction that starts as a reader can fail at its first write; taking the lock at once only waits.
    "transaction_mode": "IMMEDIATE",
    "timeout": 30,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
}
DATABASE_URL = env.secret("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'ecsaudit.sqlite3'}"
try:
    DATABASES = {"default": dict(dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True))}
except (dj_database_url.ParseError, dj_database_url.UnknownSchemeError, ValueError) as error:
    raise BadSetting(
        "DATABASE_URL can't be read; use postgres://user:password@host:5432/name or leave it out"
    ) from error
if DATABASES["default"]["ENGINE"] not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
    raise BadSetting("DATABASE_URL must begin with postgres:// or sqlite:///")
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS

# --- people -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

# --- the API ----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "ecsaudit.api.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["ecsaudit.api.permissions.MayUse"],
    "DEFAULT_THROTTLE_CLASSES": ["ecsaudit.api.throttling.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["ecsaudit.api.parsing.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "ecsaudit.api.errors.handle",
    "URL_FORMAT_OVERRIDE": None,
    # Text written by attackers may hold what can't be sent as UTF-8, so that everything but ASCII is escaped.
    "UNICODE_JSON": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ecsaudit",
    "DESCRIPTION": "Findings: what the screens read, and changes through the same services.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_PERMISSIONS": ["ecsaudit.api.permissions.MayUse"],
    "SERVE_INCLUDE_SCHEMA": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ecsaudit.api.schema.with_errors",
    ],
    "ENUM_NAME_OVERRIDES": {
        "BulkState": "ecsaudit.findings.models.BulkState",
        "HubState": "ecsaudit.securityhub.models.SentState",
        "WorkflowStatus": "ecsaudit.findings.models.WorkflowStatus",
    },
}

# --- the browser's side -----------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # Bootstrap's own stylesheet draws its arrows and ticks as data: images.
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# A rule text that is too long gets its own answer up to this; beyond, the request is refused.
DATA_UPLOAD_MAX_MEMORY_SIZE = 20_000_000
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SECURE_SSL_REDIRECT = BEHIND_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_HTTPS else None

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files are served from where their packages keep them, so that starting needs no collectstatic and no STATIC_ROOT.
WHITENOISE_USE_FINDERS = True

# --- language and time ------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# --- tasks ------------------------------------------------------------------------------------------------------------
REDIS_URL = env.secret("REDIS_URL")
if REDIS_URL and urlsplit(REDIS_URL).scheme not in ("redis", "rediss", "unix"):
    raise BadSetting("REDIS_URL must begin with redis://, rediss:// or unix://")
BROKER_DIR = DATA_DIR / "broker"

# --- logs: one JSON line an event -------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("ECSAUDIT_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger", "message": "event"},
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # A line for each message says nothing: what was done stands in the pipeline's own lines.
        "celery": {"level": "WARNING"},
        # Its debug lines carry request headers and with them credentials.
        "botocore": {"level": "WARNING"},
        "boto3": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
    },
}

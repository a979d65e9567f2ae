"""Settings of the console: safe by default, differing by environment variables only."""

from pathlib import Path

from console import env, limits
from console.limits import *  # noqa: F403 - settings are names of this module
from console.schedule import CELERY_BEAT_SCHEDULE  # noqa: F401 - a setting

# --- Profile ---------------------------------------------------------------------------------
BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = False
VAR = Path(env.text("VAR", str(BASE_DIR / "var")))
SITE_NAME = env.text("SITE_NAME", "Patchbay")
SUPPORT_EMAIL = env.text("SUPPORT_EMAIL", "support@patchbay.example")
BASE_URL = env.text("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
IS_HTTPS = BASE_URL.startswith("https://")

# --- Secrets ---------------------------------------------------------------------------------
SECRET_KEY = env.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = [env.Secret(key) for key in env.secret("SECRET_KEY_FALLBACKS", "").split(",") if key]
FIELD_KEYS = env.key_ring("FIELD_KEYS")

# --- Application -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "console.core",
    "accounts",
    "teams",
    "security",
    "subaccounts",
    "billing",
    "support",
    "django.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_htmx",
    "compressor",
]
if limits.IS_DEVELOPMENT:
    INSTALLED_APPS += ["console.devinbox", "console.demo"]

MIDDLEWARE = [
    "console.core.requests.RequestMiddleware",
    "console.core.headers.HeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "console.core.requests.SizeLimitMiddleware",
    "console.hosts.HostMiddleware",
    "accounts.middleware.CookieMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.SessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "console.errors.RefusalMiddleware",
    "console.core.access.AccessMiddleware",
]
ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"
APPEND_SLASH = False
FORM_RENDERER = "console.core.forms.ConsoleFormRenderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.context.site",
                "console.context.frame",
            ],
        },
    }
]

# --- Wiring that points up (house rule: lower code reaches up through dotted paths) -----------
STEP_UP = "security.step_up.require_recent"
LIMIT_PAGE = "console.errors.throttled"
ROLES_WITH = "teams.roles.names_with"
ACTOR_RESOLVER = "teams.queries.resolve_actor"
ACCOUNTS_OF = "teams.queries.accounts_of"
RECOVERY_WAITS = "security.queries.has_waiting_recovery"
RECOVERY_BANNER = "security.services.recovery_links.banner_of"
ACTOR_LENS = "teams.preview.see_as"
SESSION_GATE = "security.sso_gate.admit"
SSO_RULE = "security.sso_queries.rule_sql"
SIGN_IN_ROUTE = "security.sso_queries.route_of"
AFTER_SIGN_OUT = "security.sso_gate.after_sign_out"
PLAN_END = "billing.queries.plan_end_of"
PLAN_END_SQL = "billing.queries.plan_end_sql"
FACTOR_COLUMNS = "security.queries.factor_columns"
SSO_COLUMN = "security.sso_queries.link_column"
MEMBER_ROLE = "teams.makers.member_role"
MEMBER_FROZEN = "teams.makers.member_is_frozen"
MEMBER_RIGHTS = "teams.roles.rights_of"
MEMBER_ROLES = "teams.makers.roles_of"
OWNER_ENROLLER = "teams.services.enrol_owner"
SIGN_IN_READER = "accounts.login_steps.current"
STANDING_READER = "accounts.views.pending.standing"
MONEY_READER = "billing.queries.money_of"
RENTAL_CHARGER = "billing.services.rentals.charge_rental"
ACCOUNT_CONTACTS = "teams.queries.contacts_of"
SUBACCOUNT_READER = "subaccounts.queries.subaccounts.holder_of"
OWN_SUBACCOUNT = "subaccounts.queries.scope.own_subaccount"
API_CALLER_FINDER = "accounts.queries.credentials.find_caller"
# Lists of subaccounts: each may refuse an address that the account's list lets in, and let none in.
ALLOWLIST_NARROWINGS: tuple[str, ...] = ("subaccounts.queries.narrowing.allows",)
API_GUARD = "security.services.allowlist_guard.check_caller"
API_USE_NOTER = "accounts.services.api_use.note_use"
API_REFUSAL_NOTER = "accounts.services.api_use.note_refusal"
API_PLAIN_NOTER = "accounts.services.credentials.note_exposure"
LOGIN_STEPS = [
    "accounts.login_steps.EmailStep",
    "security.login_steps.SsoStep",
    "security.login_steps.RecoveryStep",
    # Before the phone: whoever has a factor proves it, and does not add a number in its place.
    "security.login_steps.FactorStep",
    "security.login_steps.PhoneStep",
    "security.login_steps.ReverifyStep",
    "security.login_steps.EnrolmentStep",
    "security.login_steps.RecoveryCodesStep",
]
# What a lock-down stops: words for the page, and a function of account, actor and instant that returns how many.
LOCKDOWN_STEPS = {
    "Members who prove more at their next sign-in": "security.services.lockdown.reverify_members",
    "Auth Tokens revoked": "accounts.services.lockdown.revoke_tokens",
    "Invitations taken back": "security.services.lockdown.revoke_invitations",
    "Tokens for provisioning revoked": "security.services.scim_tokens.revoke_all",
    "Webhooks paused": "security.services.webhooks.pause_all",
    "Auto-recharge paused": "billing.services.auto_recharge.pause_for_lockdown",
}
# Parts that later apps add to the page about a compromised account: functions of account and instant.
COMPROMISE_SECTIONS = ["billing.queries.payments_section.payments_section"]
# The check-up judges what has a page that fixes it: address and words of its button.
CHECKUP_FIXES = {
    "strong-factor": ("security:sign_in_rules", "Open sign-in rules"),
    "single-owner": ("teams:member_list", "Open the team"),
    "allowlist": ("security:allowlist", "Open IP Whitelisting"),
    "old-tokens": ("accounts:credential_list", "Open Credentials"),
    "unused-tokens": ("accounts:credential_list", "Open Credentials"),
    "endless-tokens": ("accounts:credential_list", "Open Credentials"),
    "unused-members": ("teams:member_list", "Open the team"),
    "recovery-codes": ("security:recovery_codes_make", "Make new codes"),
    "audit-webhook": ("security:webhook_list", "Open Webhooks"),
    "single-sign-on": ("security:sso", "Open single sign-on"),
}
AUDIT_WEBHOOK_COUNTER = "security.webhook_queries.count_live"
# What waits for staff, by its words on the index page of the admin: a model, and which of its rows wait.
STAFF_QUEUES: dict[str, tuple[str, dict[str, object]]] = {
    "Lock-downs": ("security.Lockdown", {"handled_at": None}),
    "Recoveries": ("security.RecoveryRequest", {"state__in": ["confirmed", "verified"]}),
    "Requests for an IP allowlist": ("security.AllowlistAccess", {"state": "requested"}),
    "Sender IDs": ("subaccounts.SenderId", {"state": "requested"}),
    "Uploads of numbers": ("subaccounts.InventoryUpload", {"state": "waiting"}),
}
# The admin is the only one that mounts Django's own views.
THIRD_PARTY_ACCESS = {
    "django.contrib.admin": "staff",
    "django.contrib.contenttypes": "staff",
    "django.views.generic.base": "staff",
    "accounts.admin": "staff",
}
SILENCED_SYSTEM_CHECKS = [
    "admin.E408",  # accounts.middleware.SessionMiddleware sets request.user
    "security.W001",  # console.core.headers sets what SecurityMiddleware would
    "security.W002",  # console.core.headers sets X-Frame-Options
]

# --- Database --------------------------------------------------------------------------------
DATABASE_URL = env.secret("DATABASE_URL")
DATABASES = {
    "default": env.database(
        DATABASE_URL,
        pool={
            "min_size": env.number("DATABASE_POOL_MIN", 1),
            "max_size": env.number("DATABASE_POOL_MAX", 8),
            "timeout": env.number("DATABASE_POOL_TIMEOUT", 10),
        }
        if env.flag("DATABASE_POOL", default=True)
        else None,
        statement_timeout=env.number("DATABASE_STATEMENT_TIMEOUT_MS", 30_000),
        lock_timeout=env.number("DATABASE_LOCK_TIMEOUT_MS", 10_000),
    )
}
OWNER_DATABASE_URL = env.secret("OWNER_DATABASE_URL", "")
if OWNER_DATABASE_URL:
    DATABASES["owner"] = env.database(OWNER_DATABASE_URL, pool=None)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Valkey, Celery --------------------------------------------------------------------------
REDIS_URL = env.secret("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "visibility_timeout": 3600,
    "global_keyprefix": "celery:",
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ROUTES = {
    "core.send_mail": {"queue": "mail"},
    "core.send_text": {"queue": "mail"},
    "*.mail_*": {"queue": "mail"},
    "billing.*": {"queue": "money"},
    "security.push_webhook": {"queue": "webhooks"},
    "security.refresh_sso_metadata": {"queue": "webhooks"},
}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = {
    name: {"exchange": name, "routing_key": name} for name in ("default", "mail", "money", "webhooks")
}

# --- Sessions, passwords ---------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
SESSION_ENGINE = "accounts.sessions"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
DEVICE_COOKIE_NAME = "__Host-device" if IS_HTTPS else "device"
SSO_COOKIE_NAME = "__Host-saml" if IS_HTTPS else "saml"
THEME_COOKIE_NAME = "__Host-theme" if IS_HTTPS else "theme"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "console.errors.csrf_failure"
LOGIN_URL = "accounts:sign_in"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.passwords.LengthValidator"},
    {"NAME": "accounts.passwords.CompositionValidator"},
    {"NAME": "accounts.passwords.PersonalWordsValidator"},
    {"NAME": "accounts.passwords.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.StrengthValidator"},
    {"NAME": "accounts.passwords.LeakedPasswordValidator"},
]
LEAKED_PASSWORD_URL = env.text("LEAKED_PASSWORD_URL", "")
PASSWORD_LOCAL_WORDS = env.words("PASSWORD_LOCAL_WORDS")

# --- Hosts, https, proxies -------------------------------------------------------------------
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", "127.0.0.1,localhost,.localhost,[::1]" if limits.IS_DEVELOPMENT else ""
)
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", "")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)
ADMIN_HOST = env.text("ADMIN_HOST", "")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = False  # HeadersMiddleware redirects pages and refuses machines
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = env.flag("HSTS_PRELOAD", default=False)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
# One cap, so that a body is either read or answered with 413.
MAX_BODY_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE = env.number("MAX_BODY_BYTES", 2_097_152)

# --- Static files ----------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]
COMPRESS_ENABLED = COMPRESS_OFFLINE = True
# No minifier: rCSSMin turns ".table :is(th)" inside @layer into ".table:is(th)". Brotli does the rest.
COMPRESS_FILTERS: dict[str, list[str]] = {"css": [], "js": []}
COMPRESS_STORAGE = "compressor.storage.BrotliCompressorFileStorage"
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+[.][0-9a-f]{12}[.].+$"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Mail, texts -----------------------------------------------------------------------------
EMAIL_BACKEND = (
    "console.devinbox.backend.InboxBackend"
    if limits.IS_DEVELOPMENT and not env.text("EMAIL_HOST", "")
    else "django.core.mail.backends.smtp.EmailBackend"
)
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.secret("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("FROM_EMAIL", f"{SITE_NAME} <console@patchbay.example>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
TEXT_CARRIER = env.text(
    "TEXT_CARRIER",
    "console.core.carriers.DevInboxCarrier"
    if limits.IS_DEVELOPMENT
    else "console.core.carriers.PlivoCarrier",
)
PLIVO_AUTH_ID = env.text("PLIVO_AUTH_ID", "")
PLIVO_AUTH_TOKEN = env.secret("PLIVO_AUTH_TOKEN", "")
PLIVO_SOURCE = env.text("PLIVO_SOURCE", "")
PLIVO_ANSWER_URL = env.text("PLIVO_ANSWER_URL", f"{BASE_URL}/webhooks/speech/")
PLIVO_BASE_URL = env.text("PLIVO_BASE_URL", "")
TWILIO_ACCOUNT_SID = env.text("TWILIO_ACCOUNT_SID", "")
TWILIO_AUTH_TOKEN = env.secret("TWILIO_AUTH_TOKEN", "")
TWILIO_SOURCE = env.text("TWILIO_SOURCE", "")
TWILIO_BASE_URL = env.text("TWILIO_BASE_URL", "")

# --- Cards -----------------------------------------------------------------------------------
# Without a secret key nobody can pay by card, and pages say so. The base address leads to another server with its API.
STRIPE_SECRET_KEY = env.secret("STRIPE_SECRET_KEY", "")
STRIPE_PUBLISHABLE_KEY = env.text("STRIPE_PUBLISHABLE_KEY", "")
STRIPE_WEBHOOK_SECRET = env.secret("STRIPE_WEBHOOK_SECRET", "")
STRIPE_BASE_URL = env.text("STRIPE_BASE_URL", "")
STRIPE_SCRIPT_URL = env.text("STRIPE_SCRIPT_URL", "https://js.stripe.com/v3/")

# --- Phones ----------------------------------------------------------------------------------
# Names of the servers that applications and phones are reached at; the latter is the realm of phones' passwords.
SIP_APP_HOST = env.text("SIP_APP_HOST", "app.sip.patchbay.example")
SIP_PHONE_HOST = env.text("SIP_PHONE_HOST", "phone.sip.patchbay.example")

# --- Networks --------------------------------------------------------------------------------
ANONYMOUS_IP_DATABASE = env.text("ANONYMOUS_IP_DATABASE", "")
CITY_DATABASE = env.text("CITY_DATABASE", "")
EMAIL_CHECK_DELIVERABILITY = env.flag("EMAIL_CHECK_DELIVERABILITY", default=False)

# --- Rules with numbers: console/limits.py -----------------------------------------------------
# The row decides; the cookie outlives it, so that the sign-in page can say why a session is over.
SESSION_COOKIE_AGE = (limits.CONSOLE_SESSION_HOURS + 1) * 3600

# --- Time, language --------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

# --- Logs, metrics, health -------------------------------------------------------------------
METRICS_PORT = env.number("METRICS_PORT", 0)
METRICS_TOKEN = env.secret("METRICS_TOKEN", "")
USAGE_KEY = env.secret("USAGE_KEY", "")
SENTRY_DSN = env.secret("SENTRY_DSN", "")
OTEL_ENDPOINT = env.text("OTEL_ENDPOINT", "")
LOG_LEVEL = env.choice("LOG_LEVEL", options=("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "console.core.logs.JsonFormatter"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stdout"], "level": LOG_LEVEL},
    "loggers": {
        "django.db.backends": {"level": "WARNING"},
        "django.server": {"handlers": [], "propagate": False},
        "celery.app.trace": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},  # it would log every call, and at DEBUG what was sent
        "xmlschema": {"level": "WARNING"},
    },
}

"""Settings of the measured server: the console's, with bare views to compare with."""

from console.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
CONSOLE_API_REQUESTS = 10_000_000
LOG_LEVEL = "WARNING"
LOGGING = LOGGING | {"root": {"handlers": ["stdout"], "level": "WARNING"}}  # noqa: F405

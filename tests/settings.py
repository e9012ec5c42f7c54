"""The product's own settings with what tests change: a throwaway data folder, fast hashing, no lock-out between tests.

DATABASE_URL and REDIS_URL choose what the suite runs on, exactly as in the product.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# The article's three rules, which fit on a page; the shipped library has its own tests.
os.environ.setdefault("ECSAUDIT_RULES_DIR", str(Path(__file__).parent / "data" / "rules"))
# Each of pytest-xdist's processes has a number: its database is its own by pytest-django, the folder and the broker by this.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if WORKER or "ECSAUDIT_DATA_DIR" not in os.environ:
    os.environ["ECSAUDIT_DATA_DIR"] = tempfile.mkdtemp(prefix="ecsaudit-tests-")
    atexit.register(shutil.rmtree, os.environ["ECSAUDIT_DATA_DIR"], ignore_errors=True)
if WORKER and os.environ.get("REDIS_URL", "").endswith("/0"):
    os.environ["REDIS_URL"] = os.environ["REDIS_URL"].removesuffix("0") + WORKER

from ecsaudit.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AXES_ENABLED = False

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file, so that the workers which some tests start see the same database.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # noqa: F405

"""Settings of the site: what differs from host to host comes from the environment, or from a file .env."""

from importlib.util import find_spec
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").exists():
    environ.Env.read_env(BASE_DIR / ".env")

SECRET_KEY = env("SECRET_KEY")
# `deploy_env rotate SECRET_KEY` puts the key before there, so that nobody is logged out.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
FORCE_SCRIPT_NAME = env("FORCE_SCRIPT_NAME", default=None)

# Behind a proxy that speaks TLS. `check --deploy` and `deploy` tell where this and the front server do not fit.
if env.bool("BEHIND_TLS", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 3600

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_selfdeploy",
    "pages",
    "guestbook",
    "gallery",
]

# Tasks of the background are done by huey's worker, from a file that outlives releases. It is in every release; the
# machine that deploys need not have it.
if find_spec("huey"):
    INSTALLED_APPS += ["huey.contrib.djhuey"]
_shared = Path(env("SELFDEPLOY_SHARED", default=str(BASE_DIR)))
HUEY = {
    "huey_class": "huey.SqliteHuey",
    "immediate": DEBUG,
    "connection": {"filename": str((_shared if _shared.is_dir() else BASE_DIR) / "huey.sqlite3")},
}

# The default target is this machine. Our integration tests choose a directory and a port by the variable.
# A page that takes its time says nothing about a release, so it is not asked for before the switch. humans.txt is made
# again when its list has changed. A new database gets a first entry; pictures are in every backup; and a migration with
# Python or SQL of its own must say what it is.
SELFDEPLOY = env.json(
    "TESTPROJECT_SELFDEPLOY",
    default={
        "default": {
            "SMOKE": {"SKIP": ["/slow/"]},
            "BUILD": {"COMMANDS": [["python", "manage.py", "pages_humans"]], "INPUTS": ["pages/humans.json"]},
            "FIXTURES": ["first_entries"],
            "BACKUP": {"MEDIA": True, "KEEP": 20, "KEEP_DAYS": 90},
            "REFUSE": ["selfdeploy.W023"],
        }
    },
)

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "website.urls"
WSGI_APPLICATION = "website.wsgi.application"
ASGI_APPLICATION = "website.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "pages.release.context",
            ],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_URL = "media/"
MEDIA_ROOT = BASE_DIR / "media"
# Files that only some may see lie apart: a view decides, and the web server hands them over.
SENDFILE_BACKEND = "django_sendfile.backends.simple" if DEBUG else "django_sendfile.backends.nginx"
SENDFILE_ROOT = MEDIA_ROOT / "private"
SENDFILE_URL = "/protected"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

# Without this Django tells an error to ADMINS only: a traceback belongs in the process's log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}

"""The ids of the checks on settings: what each of them finds, and what to do. Their letters are their levels."""

from __future__ import annotations

_adjusted = "With ADJUST_SETTINGS the deployment puts it right: see the I of the same number."

IDS: dict[str, tuple[str, str]] = {
    "selfdeploy.E060": (
        "ALLOWED_HOSTS has an entry that no request can match.",
        "Write names as browsers send them: without scheme, port or slash at the end, punycode for other letters.",
    ),
    "selfdeploy.W061": (
        'ALLOWED_HOSTS has "*": links in mails lead where a visitor says.',
        "List the names of the site.",
    ),
    "selfdeploy.E062": (
        "PREPEND_WWW leads to a name that ALLOWED_HOSTS does not have.",
        "Add it to ALLOWED_HOSTS.",
    ),
    "selfdeploy.E063": (
        "FORCE_SCRIPT_NAME is no path.",
        "Write it with a slash at its beginning, or leave it out.",
    ),
    "selfdeploy.E064": (
        "STATIC_URL or MEDIA_URL is no path below which only its files are.",
        'Write for example "static/" or "media/".',
    ),
    "selfdeploy.W065": (
        "SQLite on several hosts: each has a file of its own.",
        "Use a database server.",
    ),
    "selfdeploy.E066": (
        "SECURE_SSL_REDIRECT without SECURE_PROXY_SSL_HEADER behind a TLS proxy: visitors are redirected for ever.",
        "Set SECURE_PROXY_SSL_HEADER.",
    ),
    "selfdeploy.W067": (
        "SECURE_PROXY_SSL_HEADER without a trusted proxy: forms that are sent by https are refused.",
        "List the TLS proxy in trusted_proxies of FRONT.",
    ),
    "selfdeploy.I068": (
        "USE_X_FORWARDED_HOST or USE_X_FORWARDED_PORT is on, and the front server takes the header away.",
        "Leave it out, and let the proxy pass on the Host header.",
    ),
    "selfdeploy.W069": (
        "Django does not learn that visitors come by https, and refuses their forms.",
        "Set SECURE_PROXY_SSL_HEADER.",
    ),
    "selfdeploy.W070": (
        "CSRF_TRUSTED_ORIGINS has an http origin of a site that is https.",
        "Write it with https, or leave it out.",
    ),
    "selfdeploy.W071": (
        "SECURE_HSTS_SECONDS is set, and the header is never sent.",
        "List the TLS proxy in trusted_proxies of FRONT, and set SECURE_PROXY_SSL_HEADER.",
    ),
    "selfdeploy.W072": (
        "Django and the front server both set Strict-Transport-Security.",
        "Set it in one place.",
    ),
    "selfdeploy.W073": (
        "SECURE_HSTS_PRELOAD without what the lists of browsers ask for.",
        "Set SECURE_HSTS_SECONDS to a year, and SECURE_HSTS_INCLUDE_SUBDOMAINS.",
    ),
    "selfdeploy.W074": (
        "The domain of a cookie does not match a host of the site, so browsers refuse it.",
        "Leave the domain of the cookie out.",
    ),
    "selfdeploy.W075": (
        "The path of a cookie is not that of the site, so browsers never send it.",
        "Set it to FORCE_SCRIPT_NAME, or leave it out.",
    ),
    "selfdeploy.I076": (
        "A log file lies in the folder that a new release replaces.",
        "Nothing: it is kept in ROOT/log/project, and rotated.",
    ),
    "selfdeploy.E076": (
        "I076 with ADJUST_SETTINGS off.",
        _adjusted,
    ),
    "selfdeploy.E077": (
        "A log file cannot be written.",
        "Let the user of the site write there, or name another file.",
    ),
    "selfdeploy.W078": (
        "A log file is rotated by each of several processes, which loses lines.",
        "Use django_selfdeploy.log_files.SharedFileHandler, or the console.",
    ),
    "selfdeploy.I079": (
        "A log file only grows, unless the host rotates it.",
        "Use django_selfdeploy.log_files.SharedFileHandler.",
    ),
    "selfdeploy.I080": (
        "An error of the site is shown to nobody.",
        "Give LOGGING a handler that writes to the console.",
    ),
    "selfdeploy.W080": (
        "LOGGING has no handler that shows an error of the site.",
        'Set "disable_existing_loggers": False, and give the root logger a handler that writes to the console.',
    ),
    "selfdeploy.W081": (
        "Mails reach nobody: the backend sends none, or no mail server listens on the host.",
        "Set EMAIL_BACKEND, EMAIL_HOST and EMAIL_PORT.",
    ),
    "selfdeploy.W082": (
        "Sessions are pickled and kept by the visitors.",
        "Use JSONSerializer.",
    ),
    "selfdeploy.W083": (
        "Mails are sent from an address at localhost, which servers refuse.",
        "Set DEFAULT_FROM_EMAIL and SERVER_EMAIL.",
    ),
    "selfdeploy.E084": (
        "Sessions are in a cache that keeps nothing: nobody can log in.",
        "Use sessions of the database.",
    ),
    "selfdeploy.E085": (
        "A cache needs a package that is not installed.",
        "Add it to the project's requirements.",
    ),
    "selfdeploy.W086": (
        "Sessions are where the processes or hosts do not share them: visitors are logged out at random.",
        "Use sessions of the database, or a cache that is shared.",
    ),
    "selfdeploy.I087": (
        "Files of a cache or of sessions lie in the folder that a new release replaces.",
        "Nothing: they are kept in ROOT/shared.",
    ),
    "selfdeploy.E087": (
        "I087 with ADJUST_SETTINGS off.",
        _adjusted,
    ),
    "selfdeploy.W088": (
        "The Site of SITE_ID is not in the database, or its domain is none of the site's.",
        "Set its domain in the admin.",
    ),
    "selfdeploy.W089": (
        "A database server takes fewer connections than the processes may open.",
        "Have fewer workers or threads, use a pool, or raise the limit.",
    ),
}

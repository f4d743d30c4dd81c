"""The composition root: the application factory, sign-in, pages, the command line."""

from flask import Flask, request
from flask_compress import Compress
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf, validate_csrf
from werkzeug.middleware.proxy_fix import ProxyFix
from wtforms import ValidationError  # type: ignore[import-untyped]

from web import auth, database, errors, headers, i18n, shell
from web.config import MEGABYTE, Settings
from web.policy import routes
from web.views import FOREIGN_POLICIES, blueprints

DASH_PREFIX = "/dash/"


def create_app(settings: Settings) -> Flask:
    """The whole application for `settings`; raises when a route has no declared policy."""
    app = Flask(__name__)
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key.get_secret_value() or "only-for-tests-and-command-line",
        SESSION_COOKIE_NAME="__Host-linghang" if settings.tls else "linghang",
        SESSION_COOKIE_SECURE=settings.tls,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=settings.upload_limit_mb * MEGABYTE * 4,
        MAX_FORM_MEMORY_SIZE=2 * MEGABYTE,
        MAX_FORM_PARTS=2000,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session
        COMPRESS_MIMETYPES=[
            "text/html",
            "text/css",
            "application/javascript",
            "text/javascript",
            "application/json",
            "image/svg+xml",
        ],
    )
    if settings.tls:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    database.configure(app, settings)
    Compress(app)
    i18n.init(app)
    auth.init(app)  # the gate stands before the check of forms: a stranger is asked to sign in, whatever they sent
    CSRFProtect(app)
    headers.init(app)
    errors.init(app)
    shell.init(app)
    for blueprint in blueprints():
        app.register_blueprint(blueprint)
    app.extensions["dash_prefix"] = DASH_PREFIX
    _mount_dashboards(app, settings)
    app.extensions["policies"] = {route.endpoint: route.policy for route in routes(app, FOREIGN_POLICIES)}
    return app


def _token_of_scripts() -> str:
    """The token that Dash's calls send back; the same while it is valid, for a changed cookie would empty caches."""
    given = request.cookies.get("_csrf_token", "")
    try:
        validate_csrf(given)
    except ValidationError:
        return str(generate_csrf())
    return given


def _mount_dashboards(app: Flask, settings: Settings) -> None:
    from dashboards.app import Host, mount

    host = Host(
        current_scope=auth.current_scope,
        page=shell.page,
        speak=i18n.speak,
        now=auth.now,
        policy=headers.policy,
        csrf_token=_token_of_scripts,
        secure=settings.tls,
    )
    mount(app, DASH_PREFIX, host)

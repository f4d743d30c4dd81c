"""Sign-in: from a cookie to the `Scope` of this request, and the gate that every route stands behind."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask import session as cookie
from flask_login import LoginManager, UserMixin, current_user, login_user
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from tenants.db import bind, transaction
from tenants.errors import Forbidden
from tenants.schools import queries as schools
from tenants.schools import sessions
from tenants.schools.sessions import Person, Post, SignedIn
from tenants.scope import DISTRICT_ROLES, ROLE_NAMES, Role, Scope
from tenants.words import N_, words
from web.policy import Policy


@dataclass
class User(UserMixin):  # type: ignore[misc]
    """Flask-Login's user: a living session, by its token."""

    token: str
    signed_in: SignedIn
    scope: Scope

    def get_id(self) -> str:
        return self.token


def utc_now() -> datetime:
    return datetime.now(UTC)


def now() -> datetime:
    """The one clock of a request."""
    if "now" not in g:
        g.now = current_app.config["CLOCK"]()
    moment: datetime = g.now
    return moment


def current_scope() -> Scope:
    """The scope of the signed-in person; handed down from here, never looked up again."""
    scope: Scope = current_user.scope
    return scope


def knocking(account_id: UUID | None = None, login: str = "") -> Scope:
    """The scope of someone who is not yet in: their own account and posts, and nothing else."""
    return Scope(role=Role.VIEWER, account_id=account_id, signing_in_as=login, address=address())


def address() -> str:
    return request.remote_addr or ""


def scope_of(person: Person, post: Post) -> Scope:
    """What `person` may see in `post`."""
    return Scope(
        role=post.role,
        account_id=person.id,
        actor=person.name,
        address=address(),
        district_id=post.district_id,
        whole_district=post.role in DISTRICT_ROLES,
        schools=frozenset({post.school_id} if post.school_id else ()),
        published_in=_districts_of_city(person, post),
        own_school_id=post.own_school_id,
    )


def _districts_of_city(person: Person, post: Post) -> frozenset[UUID]:
    if post.city_id is None:
        return frozenset()
    mine = knocking(person.id)
    bind(mine)
    return schools.districts_of_city(mine, post.city_id)


def sign_in(person: Person, post: Post) -> None:
    """Open a session under a new id and put its token in the cookie. The caller is outside any transaction."""
    scope = scope_of(person, post)
    with transaction(scope):
        token = sessions.open_session(person, post, address(), now())
    locale = cookie.get("locale")
    cookie.clear()
    if locale:
        cookie["locale"] = locale
    login_user(User(token, SignedIn(person, post, (post,)), scope))


def _load(token: str) -> User | None:
    with transaction(knocking()):
        row = sessions.living_session(token, now())
        if row is None:
            return None
        if request.endpoint not in QUIET:
            sessions.touch(row, now())
    mine = knocking(row.account_id)
    bind(mine)
    found = sessions.signed_in(mine, row)
    return User(token, found, scope_of(found.person, found.post)) if found else None


QUIET = frozenset({"ops.progress"})
"""Endpoints that pages poll: they do not prolong a session."""


def gate() -> AnyResponse | None:
    """Before every request: deny unless the route's policy admits the caller."""
    policy: Policy | None = current_app.extensions["policies"].get(request.endpoint)
    if request.endpoint == "static":
        return None
    if current_user.is_authenticated:
        bind(current_scope())
        _admit(policy, current_scope())
    elif policy is not None and not policy.public:
        return _ask_to_sign_in()
    return None


def _admit(policy: Policy | None, scope: Scope) -> None:
    if policy is None or policy.admits(scope):  # None: no such route, and a 404 follows
        return
    who = "、".join(ROLE_NAMES[role] for role in policy.roles())
    raise Forbidden(words(N_("这个页面供{who}使用，您现在的身份是{role}。"), who=who, role=ROLE_NAMES[scope.role]))


def _ask_to_sign_in() -> AnyResponse:
    if request.endpoint and request.endpoint.startswith(current_app.extensions["dash_prefix"]):
        raise Unauthorized
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.login", next=here))


def safe_next(target: str | None) -> str:
    """A path of this site, or the front page: no redirect ever leaves the site."""
    if (
        target
        and target.startswith("/")
        and not target.startswith(("//", "/\\"))
        and "\n" not in target
        and "\\" not in target
    ):
        return target
    return url_for("home.index")


def close_to_caches(response: Response) -> Response:
    """What a signed-in person gets is kept by no cache."""
    if request.endpoint != "static" and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def init(app: Flask) -> None:
    manager: Any = LoginManager(app)
    manager.session_protection = None  # the token is checked against the database at each request
    manager.user_loader(_load)
    app.config.setdefault("CLOCK", utc_now)
    app.before_request(gate)
    app.after_request(close_to_caches)

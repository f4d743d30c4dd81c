"""Sign-in: from a cookie to the `Scope` of this request, and the gate that every route stands behind."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask import session as cookie
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.exceptions import HTTPException, MethodNotAllowed, Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from tenants import audit
from tenants.db import bind, transaction
from tenants.errors import Forbidden
from tenants.schools import queries as schools
from tenants.schools import sessions
from tenants.schools.sessions import Person, Post, SignedIn
from tenants.scope import DISTRICT_ROLES, ROLE_NAMES, Right, Role, Scope, named
from tenants.words import N_, Words, words
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


def at_the_door(person: Person) -> Scope:
    """The scope of a known person who is not in: their account, and their district's log."""
    return replace(knocking(person.id), actor=person.name, district_id=person.district_id)


def address() -> str:
    return request.remote_addr or ""


def installing() -> Scope:
    """The scope of whoever holds the console's one-time code, until there is an operator."""
    return Scope(role=Role.OPERATOR, actor="setup", address=address())


def watching() -> Scope:
    """The scope of what looks whether the installation is alive: it reads counts and times, and shows no row."""
    return Scope(role=Role.JOB, actor="health")


def founding(district_id: UUID) -> Scope:
    """The scope in which an operator makes a district, with its first administrator and scheme, and counts in it."""
    mine = current_scope()
    mine.require(Right.OPERATE)
    return replace(mine, role=Role.JOB, district_id=district_id, whole_district=True)


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
    """Open a session under a new id and put its token in the cookie; the one before, if any, ends.

    The caller is outside any transaction.
    """
    before = current_user.token if current_user.is_authenticated else ""
    scope = scope_of(person, post)
    with transaction(scope):
        if before:
            sessions.end_session(before, now())
        token = sessions.open_session(person, post, address(), now())
        audit.record(scope, "sign_in", "account", person.id, new={"role": post.role}, now=now())
    forget_cookie(person.locale)
    login_user(User(token, SignedIn(person, post, (post,)), scope))


def sign_out() -> None:
    """End the session in the database, so that a copied cookie is dead too."""
    scope = current_scope()
    with transaction(scope):
        sessions.end_session(current_user.token, now())
        audit.record(scope, "sign_out", "account", scope.account_id, now=now())
    logout_user()
    forget_cookie()


def forget_cookie(locale: str = "") -> None:
    """Empty the cookie, but for the language that was chosen on this device."""
    chosen = cookie.get("locale", locale)
    cookie.clear()
    if chosen:
        cookie["locale"] = chosen


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
    if found is None:
        return None
    scope = scope_of(found.person, found.post)
    bind(scope)
    return User(token, _named(found, scope), scope)


def _named(found: SignedIn, scope: Scope) -> SignedIn:
    """Who has several posts sees them by the names of their schools."""
    if len(found.posts) < 2 or found.post.district_id is None:
        return found
    held = frozenset(post.school_id for post in found.posts if post.school_id)
    theirs = replace(scope, whole_district=False, schools=held)
    bind(theirs)
    posts = sessions.with_names(theirs, found.posts)
    bind(scope)
    return replace(found, posts=posts, post=posts[found.posts.index(found.post)])


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
    who, mine = named(policy.roles()), Words(ROLE_NAMES[scope.role])
    raise Forbidden(words(N_("这个页面供{who}使用，您现在的身份是{role}。"), who=who, role=mine))


def _ask_to_sign_in() -> AnyResponse:
    if request.path.startswith(current_app.extensions["dash_prefix"]):
        raise Unauthorized
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.login", next=here))


def safe_next(target: str | None) -> str:
    """A path of this site that can be opened, or the front page: no redirect ever leaves the site."""
    if target and _is_path(target) and _opens(target):
        return target
    return url_for("home.index")


def _is_path(target: str) -> bool:
    """Browsers drop tabs and line ends and read a backslash as a slash: `/\t/host` is another host's address."""
    return target.startswith("/") and not target.startswith("//") and target.isprintable() and "\\" not in target


def _opens(target: str) -> bool:
    try:
        current_app.url_map.bind("").match(target.partition("?")[0], method="GET")
    except MethodNotAllowed:
        return False
    except HTTPException:
        return True
    return True


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

"""Coming in, going out, and what a person sets for themselves."""

from unicodedata import normalize

from flask import Blueprint, Response, current_app, flash, make_response, redirect, request, url_for
from flask import session as cookie
from flask_babel import gettext as _
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from tenants import audit, formats
from tenants.db import bind, transaction
from tenants.errors import Invalid, NotFound
from tenants.schools import actions, queries, sessions
from tenants.schools.models import Purpose
from tenants.schools.passwords import SHORTEST
from tenants.schools.sessions import TRIES_PER_ACCOUNT, TRIES_PER_ADDRESS, Person, Post
from tenants.scope import Scope
from tenants.words import N_, Words, words
from web.auth import (
    address,
    at_the_door,
    current_scope,
    forget_cookie,
    installing,
    knocking,
    now,
    safe_next,
    sign_in,
    sign_out,
)
from web.forms import asked, taken
from web.i18n import LOCALES
from web.policy import PUBLIC, SIGNED_IN, access
from web.shell import page

blueprint = Blueprint("auth", __name__)

Answer = str | AnyResponse | tuple[str, int]
SIZES = ("standard", "large", "largest")
YEAR = 365 * 24 * 3600
WRONG = N_("登录名或密码不对，请核对后再试。")
TOO_OFTEN = N_("尝试次数过多，为保护账号已暂停登录，请在 {time} 以后再试。")
NO_POST = N_("您的账号目前没有岗位，请联系本单位管理员。")
TWICE = N_("两次输入的密码不一致，请重新输入。")
SIGN_IN_AGAIN = N_("密码已修改，请用新密码登录。")


@blueprint.get("/login")
@access(PUBLIC)
def login() -> Answer:
    target = safe_next(request.args.get("next"))
    return redirect(target) if current_user.is_authenticated else page("auth/login.html", name="", target=target)


@blueprint.post("/login")
@access(PUBLIC)
def enter() -> Answer:
    form = taken("account", "password", "next")
    name = normalize("NFKC", form["account"]).lower()
    again_at = _count({f"address {address()}": TRIES_PER_ADDRESS, f"account {name}": TRIES_PER_ACCOUNT})
    if again_at:
        return _not_in(form, words(TOO_OFTEN, time=again_at)), 429
    person = _person(name, form["password"])
    if person is None:
        return _not_in(form, Words(WRONG)), 422
    posts = _posts(person)
    if not posts:
        return _not_in(form, Words(NO_POST)), 422
    _forget(f"account {name}")
    sign_in(person, posts[0])
    return redirect(safe_next(form["next"]))


def _not_in(form: dict[str, str], said: Words) -> str:
    return page("auth/login.html", name=form["account"], target=safe_next(form["next"]), said=said)


def _count(limits: dict[str, int]) -> str:
    """Count one try under each key, committed before anything is evaluated; when to come again, or nothing."""
    with transaction(knocking()):
        for key, limit in limits.items():
            again_at = sessions.count_attempt(key, limit, now())
            if again_at:
                return formats.moment(again_at)
    return ""


def _forget(key: str) -> None:
    with transaction(knocking()):
        sessions.forget_attempts(key)


def _person(name: str, password: str) -> Person | None:
    """Who has the right password; a failure is noted in the district's log, a stranger's in the installation's."""
    scope = knocking(login=name)
    bind(scope)
    guess = sessions.guess(scope, name, password)
    if guess.right:
        return guess.person
    mine = at_the_door(guess.person) if guess.person else scope
    with transaction(mine):
        audit.record(mine, "sign_in", "account", mine.account_id or "", result="refused", now=now())
    return None


def _posts(person: Person) -> tuple[Post, ...]:
    scope = knocking(person.id)
    bind(scope)
    return sessions.posts_of(scope, person)


@blueprint.post("/logout")
@access(SIGNED_IN)
def logout() -> Answer:
    taken()
    sign_out()
    flash(_("您已退出登录。"), "good")
    return redirect(url_for("auth.login"))


@blueprint.post("/account/post")
@access(SIGNED_IN)
def change_post() -> Answer:
    """Work as another of one's posts: other rights, and therefore another session."""
    chosen = taken("post")["post"]
    posts = current_user.signed_in.posts
    if not (chosen.isascii() and chosen.isdigit()) or int(chosen) >= len(posts):
        raise NotFound
    sign_in(current_user.signed_in.person, posts[int(chosen)])
    return redirect(url_for("home.index"))


@blueprint.get("/account/password")
@access(SIGNED_IN)
def password() -> Answer:
    return page("auth/password.html", shortest=SHORTEST)


@blueprint.post("/account/password")
@access(SIGNED_IN)
def change_password() -> Answer:
    form, scope = taken("old", "password", "again"), current_scope()
    again_at = _count({f"password {scope.account_id}": TRIES_PER_ACCOUNT})
    if again_at:
        return page("auth/password.html", shortest=SHORTEST, problems={"old": words(TOO_OFTEN, time=again_at)}), 429
    try:
        _same(form)
        with transaction(scope):
            actions.change_password(scope, form["old"], form["password"], now())
    except Invalid as fault:
        bind(scope)
        return page("auth/password.html", shortest=SHORTEST, problems=fault.problems), 422
    logout_user()
    forget_cookie()
    flash(_(SIGN_IN_AGAIN), "good")
    return redirect(url_for("auth.login"))


def _same(form: dict[str, str]) -> None:
    if form["password"] != form["again"]:
        raise Invalid({"again": Words(TWICE)})


@blueprint.post("/language")
@access(PUBLIC)
def language() -> Answer:
    form = taken("locale", "next")
    if form["locale"] in LOCALES:
        cookie["locale"] = form["locale"]
        if current_user.is_authenticated:
            with transaction(current_scope()):
                actions.set_locale(current_scope(), form["locale"])
    return redirect(safe_next(form["next"]))


@blueprint.post("/font-size")
@access(PUBLIC)
def font_size() -> Answer:
    form = taken("size", "next")
    response: Response = make_response(redirect(safe_next(form["next"])))
    if form["size"] in SIZES:
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        response.set_cookie("size", form["size"], max_age=YEAR, secure=secure, httponly=True, samesite="Lax")
    return response


@blueprint.get("/invite/<token>")
@access(PUBLIC)
def invite(token: str) -> Answer:
    """Look at an invitation or a reset; looking uses nothing up."""
    return _invite_page(_invited(token))


@blueprint.post("/invite/<token>")
@access(PUBLIC)
def accept_invite(token: str) -> Answer:
    person = _invited(token)
    form, scope = taken("password", "again"), at_the_door(person)
    try:
        _same(form)
        with transaction(scope):
            actions.use_link(scope, token, form["password"], now())
    except Invalid as fault:
        return _invite_page(person, fault), 422
    _forget(f"account {person.login}")
    if current_user.is_authenticated:
        sign_out()
    flash(_("密码已设好，请登录。您的登录名是 %(login)s。", login=person.login), "good")
    return redirect(url_for("auth.login"))


def _invited(token: str) -> Person:
    """Whose the link is; NotFound with a sentence when it is used up, too old or nobody's."""
    with transaction(knocking()):
        link = actions.living_link(token, now())
        account_id, purpose = link.account_id, link.purpose
    if account_id is None or purpose is Purpose.SETUP:
        raise NotFound
    scope = knocking(account_id)
    bind(scope)
    person = sessions.person(scope, account_id)
    if person is None:
        raise NotFound
    return person


def _invite_page(person: Person, fault: Invalid | None = None) -> str:
    if current_user.is_authenticated:
        bind(current_scope())
    return page("auth/invite.html", person=person, shortest=SHORTEST, problems=fault.problems if fault else {})


@blueprint.get("/setup")
@access(PUBLIC)
def setup() -> Answer:
    _still_open(installing())
    return page("auth/setup.html", shortest=SHORTEST, given=asked("code"))


@blueprint.post("/setup")
@access(PUBLIC)
def first_operator() -> Answer:
    """The first operator, by the one-time code on the console; afterwards this page is gone for ever."""
    form, scope = taken("code", "account", "name", "password", "again"), installing()
    _still_open(scope)
    try:
        _same(form)
        with transaction(scope):
            actions.first_operator(
                scope, form["code"], login=form["account"], name=form["name"], password=form["password"], now=now()
            )
    except Invalid as fault:
        problems = {"account" if name == "login" else name: said for name, said in fault.problems.items()}
        return page("auth/setup.html", shortest=SHORTEST, given=form, problems=problems), 422
    flash(_("第一个运维账号已建好，请登录。"), "good")
    return redirect(url_for("auth.login"))


def _still_open(scope: Scope) -> None:
    bind(scope)
    if queries.has_operator(scope):
        raise NotFound

"""Sign-in: who is there, the sessions that can be ended, the throttle of guesses. Reads nothing of any school."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from tenants.db import session
from tenants.schools.models import Account, Attempt, LoginSession, Membership, School
from tenants.schools.passwords import matches, new_token, token_hash
from tenants.scope import Role, Scope

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
WINDOW = timedelta(minutes=15)
TRIES_PER_ACCOUNT = 5
TRIES_PER_ADDRESS = 300  # two hundred colleagues may sit behind one address


@dataclass(frozen=True, slots=True)
class Post:
    """One thing that an account can be; `membership_id` is None for an operator and a city's viewer."""

    role: Role
    district_id: UUID | None = None
    membership_id: UUID | None = None
    school_id: UUID | None = None
    school_name: str = ""
    own_school_id: UUID | None = None
    city_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """An account, without its secrets."""

    id: UUID
    login: str
    name: str
    locale: str
    operator: bool
    city_id: UUID | None
    district_id: UUID | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A living session: who, in which post, and all posts they could switch to."""

    person: Person
    post: Post
    posts: tuple[Post, ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """A name and a password that were tried: whose name it is, if anybody's, and whether they may come in."""

    person: Person | None
    right: bool


def guess(scope: Scope, login: str, password: str) -> Guess:
    """Try `password` for `login`, which `scope.signing_in_as` names; a known and an unknown name cost the same time."""
    account = session().scalar(scope.over(sa.select(Account).where(Account.login == login)))
    right = matches(account.password_hash if account else "", password)
    if account is None:
        return Guess(None, False)
    return Guess(_person(account), right and account.disabled_at is None)


def person(scope: Scope, account_id: UUID) -> Person | None:
    """The living account of an id that the scope may know; None otherwise."""
    account = session().scalar(scope.over(sa.select(Account).where(Account.id == account_id)))
    return _person(account) if account and account.disabled_at is None else None


def _person(account: Account) -> Person:
    return Person(
        account.id, account.login, account.name, account.locale, account.operator, account.city_id, account.district_id
    )


def posts_of(scope: Scope, person: Person) -> tuple[Post, ...]:
    """What `person` may work as; `scope.account_id` must be theirs."""
    posts = [Post(Role.OPERATOR)] if person.operator else []
    if person.city_id:
        posts.append(Post(Role.CITY_VIEWER, city_id=person.city_id))
    found = session().execute(
        scope.over(
            sa.select(Membership)
            .where(Membership.account_id == person.id, Membership.ended_at.is_(None))
            .order_by(Membership.id)
        )
    )
    posts += [
        Post(row.role, row.district_id, row.id, row.school_id, own_school_id=row.own_school_id)
        for row in found.scalars()
    ]
    return tuple(posts)


def with_names(scope: Scope, posts: tuple[Post, ...]) -> tuple[Post, ...]:
    """The posts with their schools' names, as far as `scope` covers them."""
    rows = session().execute(scope.over(sa.select(School.id, School.name).where(School.id.in_(scope.schools)), School))
    names = {row.id: row.name for row in rows}
    return tuple(replace(post, school_name=names.get(post.school_id, "")) if post.school_id else post for post in posts)


def open_session(person: Person, post: Post, address: str, now: datetime) -> str:
    """Begin a session and return its token, which is kept nowhere but in the cookie."""
    token = new_token()
    session().add(
        LoginSession(
            token_hash=token_hash(token), account_id=person.id, district_id=post.district_id,
            membership_id=post.membership_id, created_at=now, seen_at=now, expires_at=now + ABSOLUTE, address=address,
        )
    )  # fmt: skip
    return token


def living_session(token: str, now: datetime) -> LoginSession | None:
    """The session of `token` unless it has ended, run out or idled too long."""
    found = session().scalar(sa.select(LoginSession).where(LoginSession.token_hash == token_hash(token)))
    if found is None or found.ended_at or found.expires_at <= now or found.seen_at <= now - IDLE:
        return None
    return found


def signed_in(scope: Scope, row: LoginSession) -> SignedIn | None:
    """Who holds the session, in the post it was opened for; None when the account or the post has ended."""
    account = session().scalar(scope.over(sa.select(Account).where(Account.id == row.account_id)))
    if account is None or account.disabled_at:
        return None
    person = _person(account)
    posts = posts_of(scope, person)
    post = next((each for each in posts if each.membership_id == row.membership_id), None)
    return SignedIn(person, post, posts) if post else None


def touch(row: LoginSession, now: datetime) -> bool:
    """Prolong a session that is in use; at most once a minute, to spare the database."""
    if now - row.seen_at < timedelta(minutes=1):
        return False
    row.seen_at = now
    return True


def end_session(token: str, now: datetime) -> None:
    session().execute(sa.update(LoginSession).where(LoginSession.token_hash == token_hash(token)).values(ended_at=now))


def end_all_sessions(account_id: UUID, now: datetime, keep: str = "") -> None:
    """End every session of an account, save the one whose token is `keep`."""
    session().execute(
        sa.update(LoginSession)
        .where(LoginSession.account_id == account_id, LoginSession.ended_at.is_(None))
        .where(LoginSession.token_hash != token_hash(keep))
        .values(ended_at=now)
    )


def count_attempt(key: str, limit: int, now: datetime) -> datetime | None:
    """Count one try under `key`, at most `limit` in any span of `WINDOW`: None when it may go on.

    Otherwise the moment from which the next one may; a refused try is not counted. The caller commits before going on.
    """
    kept = token_hash(key)
    session().execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(kept, 0))))
    session().execute(sa.delete(Attempt).where(Attempt.key == kept, Attempt.window <= now - WINDOW))
    counted = session().execute(
        sa.select(sa.func.sum(Attempt.count), sa.func.min(Attempt.window)).where(Attempt.key == kept)
    )
    total, oldest = counted.one()
    if total is not None and total >= limit:
        return oldest + WINDOW
    tried = insert(Attempt).values(key=kept, window=now, count=1)
    session().execute(
        tried.on_conflict_do_update(index_elements=[Attempt.key, Attempt.window], set_={"count": Attempt.count + 1})
    )
    return None


def forget_attempts(key: str) -> None:
    session().execute(sa.delete(Attempt).where(Attempt.key == token_hash(key)))

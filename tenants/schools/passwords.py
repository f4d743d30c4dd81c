"""Passwords and one-time secrets: Argon2id hashes, the rule for new passwords, tokens and their hashes."""

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tenants.words import N_, Words, words

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody-has-this-password")
SHORTEST, LONGEST = 10, 200
COMMON = frozenset(
    {"1234567890", "0123456789", "qwertyuiop", "password123", "administrator", "12345678910", "abc1234567"}
)


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


def matches(password_hash: str, password: str) -> bool:
    """Whether `password` is the one; an empty hash costs as much time as a wrong one: names cannot be probed."""
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def fault_of(password: str, login: str) -> Words | None:
    """What is wrong with a new password, or None. Length counts most; no classes are asked for."""
    if len(password) < SHORTEST:
        return words(N_("密码至少 {count} 位，可以用一句话。"), count=SHORTEST)
    if len(password) > LONGEST:
        return words(N_("密码最多 {count} 位。"), count=LONGEST)
    lower = password.lower()
    if lower in COMMON or len(set(lower)) < 5 or (login and login.lower() in lower):
        return words(N_("这个密码太容易被猜到，请换一个，不要包含登录名。"))
    return None


def new_token() -> str:
    """256 random bits for a session or a link."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()

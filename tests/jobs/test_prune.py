"""What has run out is forgotten after a day; what lives stays."""

from datetime import timedelta

import sqlalchemy as sa

from jobs import prune
from jobs.runner import INSTALLATION
from tenants.db import session, transaction
from tenants.schools.models import Attempt, CredentialLink, LoginSession, Purpose
from tests.world import NOW, World

LONG_AGO, JUST_NOW, TO_COME = NOW - timedelta(days=3), NOW - timedelta(hours=1), NOW + timedelta(hours=1)


def test_ended_rows_go_and_living_ones_stay(world: World) -> None:
    alice = world.alice.person.id
    sessions = {
        "expired": (LONG_AGO, None), "ended": (TO_COME, LONG_AGO), "fresh": (JUST_NOW, None), "living": (TO_COME, None),
    }  # fmt: skip
    links = {"used": (TO_COME, LONG_AGO), "expired": (LONG_AGO, None), "living": (TO_COME, None)}
    with transaction(INSTALLATION):
        assert timedelta(days=1) == prune.KEPT
        for name, (expires, ended) in sessions.items():
            session().add(
                LoginSession(
                    token_hash=name, account_id=alice, created_at=LONG_AGO, seen_at=LONG_AGO, expires_at=expires,
                    ended_at=ended,
                )
            )  # fmt: skip
        for name, (expires, used) in links.items():
            session().add(
                CredentialLink(
                    token_hash=name, account_id=alice, purpose=Purpose.INVITE, expires_at=expires, used_at=used
                )
            )
        for key, window in (("old", LONG_AGO), ("new", JUST_NOW)):
            session().add(Attempt(key=key, window=window, count=1))
    assert prune.run(INSTALLATION, NOW) == 5
    assert prune.run(INSTALLATION, NOW) == 0
    with transaction(INSTALLATION):
        assert set(session().scalars(sa.select(LoginSession.token_hash))) == {"fresh", "living"}
        assert set(session().scalars(sa.select(CredentialLink.token_hash))) == {"living"}
        assert set(session().scalars(sa.select(Attempt.key))) == {"new"}

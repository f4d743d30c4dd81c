"""Steps of the loop that the tests of what follows a score share; each is committed within the test's transaction."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from tenants.db import transaction
from tenants.follow_up import actions
from tenants.reporting import actions as reporting
from tenants.reporting.validation import Entry
from tenants.results import actions as results
from tests.tenants.results.loop import accepted, scored
from tests.world import NOW, QUARTER, Someone, World, fill

CODE, OTHER_CODE = "party_meeting_count", "admin_meeting_count"
ZERO = Entry(value=Decimal(0))
REASON = "党员大会实际召开三次，会议记录已补传，请核对。"


def in_appeal(world: World, now: datetime = NOW, **given: Entry) -> None:
    """Both schools scored and open to appeal; Alice's lost points on two indicators, Carol's on one."""
    lost = given or {CODE: ZERO, OTHER_CODE: ZERO}
    scored(world, accepted(world, world.alice, world.bob, now, **lost), now=now)
    scored(world, accepted(world, world.carol, world.dave, now, **{CODE: ZERO}), now=now)
    with transaction(world.ada.scope):
        results.open_appeal(world.ada.scope, QUARTER, now)


def raised(someone: Someone, code: str = CODE, now: datetime = NOW, reason: str = REASON) -> UUID:
    scope = someone.scope
    with transaction(scope):
        return actions.raise_objection(scope, scope.school, QUARTER, code, reason, now)


def answered(someone: Someone, objection_id: UUID, now: datetime = NOW, *, upheld: bool) -> None:
    with transaction(someone.scope):
        actions.answer(someone.scope, objection_id, upheld, "经核对会议记录，同意更正。", now)


def reopened(world: World, objection_id: UUID, now: datetime = NOW) -> None:
    with transaction(world.ada.scope):
        actions.reopen(world.ada.scope, objection_id, now)


def mended(world: World, now: datetime) -> UUID:
    """The first school fills its report with full points, sends it, and it is accepted and scored; the new run."""
    with transaction(world.alice.scope):
        fill(world.alice.scope, world.school, now=now)
        reporting.submit(world.alice.scope, world.school, QUARTER, now)
    with transaction(world.bob.scope):
        reporting.approve(world.bob.scope, world.school, QUARTER, now)
    with transaction(world.rita.scope):
        reporting.accept(world.rita.scope, world.school, QUARTER, now)
    return scored(world, world.school, now=now)

"""How far a quarter has come towards publication, for the district's people."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tenants.quarter import Quarter
from tenants.reporting import queries as reporting
from tenants.reporting.workflow import State
from tenants.results.publications import PublicationView, publication
from tenants.scope import Right, Scope

SCORED = frozenset({State.SCORED, State.APPEAL, State.PUBLISHED})


@dataclass(frozen=True, slots=True)
class PublishingState:
    """Reports of a quarter by state (every state is a key), and what may be done with them.

    `failed` is how many scores could not be computed; `appeal_until` may lie in the past or ahead.
    """

    quarter: Quarter
    counts: Mapping[State, int]
    total: int
    scored: int
    failed: int
    appeal_until: datetime | None
    publication: PublicationView | None

    @property
    def unscored(self) -> int:
        return self.total - self.scored

    @property
    def can_open_appeal(self) -> bool:
        return self.counts[State.SCORED] > 0

    @property
    def can_publish(self) -> bool:
        """Everything is scored and has been open to appeal."""
        return self.can_publish_partially and self.counts[State.APPEAL] + self.counts[State.PUBLISHED] == self.total

    @property
    def can_publish_partially(self) -> bool:
        return self.counts[State.APPEAL] > 0


def publishing_state(scope: Scope, quarter: Quarter) -> PublishingState:
    """Where the quarter's reports stand; NotFound for a quarter without dates."""
    scope.require(Right.SEE_DISTRICT)
    dates = reporting.quarter_view(scope, quarter)
    reports = reporting.reports(scope, quarter)
    counted = Counter(report.state for report in reports)
    counts = {state: counted[state] for state in State}
    return PublishingState(
        quarter=quarter,
        counts=counts,
        total=len(reports),
        scored=sum(counts[state] for state in SCORED),
        failed=sum(bool(report.score_error) for report in reports),
        appeal_until=dates.appeal_until,
        publication=publication(scope, quarter),
    )

"""Reading results: the one door through which anybody reads scores, and the only one to other schools' results.

Each question has its own file; callers know this one. Every function takes the scope first.
"""

from tenants.results.explanation import (
    ExplainedItem,
    Explanation,
    GroupSum,
    Paper,
    PenaltyLine,
    Signature,
    UnitValue,
    school_explanation,
)
from tenants.results.gaps import GapRow, Gaps, IndicatorGap, gaps
from tenants.results.progress import PublishingState, publishing_state
from tenants.results.publications import (
    EVERYTHING,
    PHASE_WORDS,
    Filters,
    Phase,
    PublicationView,
    StandingView,
    publication,
    publications,
)
from tenants.results.runs import ItemView, RunView, items, newest_run, newest_runs, published_run, run, runs
from tenants.results.standings import RankedRow, Ranking, standings
from tenants.results.verification import Verdict, export_run, verify

__all__ = [
    "EVERYTHING",
    "PHASE_WORDS",
    "ExplainedItem",
    "Explanation",
    "Filters",
    "GapRow",
    "Gaps",
    "GroupSum",
    "IndicatorGap",
    "ItemView",
    "Paper",
    "PenaltyLine",
    "Phase",
    "PublicationView",
    "PublishingState",
    "RankedRow",
    "Ranking",
    "RunView",
    "Signature",
    "StandingView",
    "UnitValue",
    "Verdict",
    "export_run",
    "gaps",
    "items",
    "newest_run",
    "newest_runs",
    "publication",
    "publications",
    "published_run",
    "publishing_state",
    "run",
    "runs",
    "school_explanation",
    "standings",
    "verify",
]

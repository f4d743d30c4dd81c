"""A total as a sum that a person can follow with a pencil: lines that add up, in words. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tenants import formats
from tenants.results.queries import Explanation, RunView
from tenants.scoring.values import ZERO, Scheme
from tenants.words import N_, Words, words


@dataclass(frozen=True, slots=True)
class Line:
    """What is added (or, negative, taken away), and why; the last one is the total and adds nothing."""

    said: Words
    points: Decimal
    end: bool = False


def arithmetic(found: Explanation, scheme: Scheme) -> tuple[Line, ...]:
    """From points earned to the total; every line but the last adds up to the last."""
    run = found.run
    parts = (*_base(found), *_bonus(run), *_penalty(found), *_bounds(run, scheme))
    return (*parts, Line(words(N_("总分，等次“{grade}”"), grade=Words(run.grade)), run.total, end=True))


def _base(found: Explanation) -> Iterator[Line]:
    text = N_("适用指标满分 {weight} 分，得 {earned} 分，折算为百分制：{earned} ÷ {weight} × 100")
    if found.weight == 100:
        text = N_("适用指标满分 {weight} 分，得 {earned} 分")
    if not found.weight:
        text = N_("本季度没有适用的指标")
    parts = {"weight": formats.number(found.weight), "earned": formats.points(found.earned)}
    yield Line(Words(text, parts), found.run.base)


def _bonus(run: RunView) -> Iterator[Line]:
    if run.bonus:
        yield Line(words(N_("加分项")), run.bonus)


def _penalty(found: Explanation) -> Iterator[Line]:
    """Each item of points off, and what a cap on all of them gives back."""
    for line in found.penalties:
        yield Line(words(N_("扣分：{name}，{events} 次（天）"), name=line.name, events=line.events), -line.points)
    given_back = sum((line.points for line in found.penalties), ZERO) - found.run.penalty
    if given_back and found.penalties:
        yield Line(words(N_("扣分合计以 {cap} 分为限，多扣的不计"), cap=formats.points(found.run.penalty)), given_back)
    elif found.run.penalty and not found.penalties:
        yield Line(words(N_("扣分项")), -found.run.penalty)


def _bounds(run: RunView, scheme: Scheme) -> Iterator[Line]:
    """What the ceiling, the floor or a veto changes."""
    plain = run.base + run.bonus - run.penalty
    bounded = max(ZERO, min(scheme.ceiling, plain))
    if bounded < plain:
        yield Line(words(N_("总分以 {ceiling} 分为限"), ceiling=formats.number(scheme.ceiling)), bounded - plain)
    elif bounded > plain:
        yield Line(words(N_("总分最低为 0 分")), bounded - plain)
    if run.veto is not None:
        veto = scheme.veto(run.veto)
        said = words(N_("一票否决：{name}，总分不超过 {cap} 分"), name=veto.name_zh, cap=formats.number(veto.cap))
        yield Line(said, run.total - bounded)

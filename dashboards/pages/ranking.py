"""排名: who stands where in a published quarter, and how far everybody has moved."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import url_for

from dashboards.components import graph
from dashboards.downloads import Cell, Table
from dashboards.figures import Bar, Cut, bars
from dashboards.shell import NoSuchBar, Place
from tenants import formats
from tenants.errors import NotFound
from tenants.reporting.queries import quarter_view
from tenants.results.publications import Tier
from tenants.results.queries import EVERYTHING, RankedRow, Ranking, standings
from tenants.schemes.queries import scheme_of
from tenants.schools.models import ORG_KIND_NAMES, STAGE_NAMES, Disclosure
from tenants.scope import Scope
from tenants.scoring.values import ZERO, Band, Scheme
from tenants.words import N_, Words, words

Speak = Callable[[Words | str], str]
FEW = 5
TEMPLATE = "dash/ranking.html"


@dataclass(frozen=True, slots=True)
class RankingView:
    """The ranking asked for, all of its quarter's rows (for the filters' choices), and the scheme's bands."""

    place: Place
    ranking: Ranking
    everything: tuple[RankedRow, ...]
    bands: tuple[Band, ...]
    ceiling: Decimal

    @property
    def rows(self) -> tuple[RankedRow, ...]:
        return self.ranking.rows

    @property
    def own(self) -> RankedRow | None:
        return next((row for row in self.rows if row.own), None)

    @property
    def published(self) -> bool:
        return self.ranking.publication is not None

    @property
    def state(self) -> Words:
        return self.ranking.words

    @property
    def ties(self) -> bool:
        places = [row.rank for row in self.rows if row.rank is not None]
        return len(set(places)) < len(places)

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """Told to schools, where names by tier are all that they learn of the others."""
        return () if self.ranking.whole else self.ranking.tiers

    @property
    def several_districts(self) -> bool:
        return len({row.standing.district_id for row in self.everything}) > 1

    @property
    def alone(self) -> bool:
        """Only the school's own row is told."""
        return not self.ranking.whole and all(row.own for row in self.rows)


def load(scope: Scope, place: Place) -> RankingView:
    everything = standings(scope, place.quarter)
    if everything.publication is None:
        quarter_view(scope, place.quarter)  # NotFound, in words, for a quarter that is not known at all
    chosen = standings(scope, place.quarter, place.filters) if place.filters != EVERYTHING else everything
    scheme = _scheme(scope, place, everything.rows)
    bands = tuple(sorted(scheme.bands, key=_minimum, reverse=True)) if scheme else ()
    return RankingView(place, chosen, everything.rows, bands, scheme.ceiling if scheme else Decimal(100))


def _minimum(band: Band) -> Decimal:
    return band.minimum


def _scheme(scope: Scope, place: Place, rows: tuple[RankedRow, ...]) -> Scheme | None:
    """The scheme whose bands are those by which all the rows were graded; None when districts differ."""
    if not rows:
        return None
    try:
        scheme = scheme_of(scope, quarter_view(scope, place.quarter).scheme_version_id)
    except NotFound:
        return None
    agree = all(scheme.band(row.standing.total).name_zh == row.standing.grade for row in rows)
    return scheme if agree else None


def last_total(row: RankedRow) -> Decimal | None:
    return None if row.change is None else row.standing.total - row.change


def mean(rows: tuple[RankedRow, ...]) -> Decimal:
    return sum((row.standing.total for row in rows), ZERO) / len(rows)


def finding(view: RankingView) -> Words:
    """The page's title: what the numbers say."""
    if view.ranking.publication is None:
        return words(N_("排名尚未公布"))
    if not view.rows:
        return words(N_("没有符合条件的学校"))
    if view.own:
        return own_finding(view.own)
    return _whole_finding(view)


def own_finding(row: RankedRow) -> Words:
    total = formats.points(row.standing.total)
    if row.rank is None or row.of is None:
        return words(N_("本校 {total} 分，等次“{grade}”"), total=total, grade=Words(row.standing.grade))
    return words(N_("本校第 {rank} 名，共 {of} 所，{total} 分"), rank=row.rank, of=row.of, total=total)


def _whole_finding(view: RankingView) -> Words:
    rows, count = view.rows, len(view.rows)
    if count == 1:
        only = rows[0].standing
        return words(N_("只有 1 所学校：{name} {total} 分"), name=only.name, total=formats.points(only.total))
    average = formats.points(mean(rows))
    last = view.bands[-1] if view.bands else None
    low = sum(row.standing.grade == last.name_zh for row in rows) if last else 0
    if last and low:
        return words(
            N_("{count} 所学校平均 {average} 分，{low} 所等次为“{grade}”"),
            count=count, average=average, low=low, grade=Words(last.name_zh),
        )  # fmt: skip
    return words(N_("{count} 所学校平均 {average} 分，{first}居首"), count=count, average=average, first=_leaders(rows))


def _leaders(rows: tuple[RankedRow, ...]) -> Words:
    first = [row for row in rows if row.rank == 1]
    if len(first) == 1:
        return Words("{name}", {"name": first[0].standing.name})
    return words(N_("{name}等 {count} 所并列"), name=first[0].standing.name, count=len(first))


def subtitle(view: RankingView) -> Words:
    """Measure, unit, period, how many, and since when."""
    publication = view.ranking.publication
    if publication is None:
        return Words("{quarter}", {"quarter": formats.quarter(view.place.quarter)})
    previous = view.ranking.previous
    text = N_("综合得分（分），{quarter}，{count} 所学校，{day}公布，第 {version} 版{before}")
    if view.alone:
        text = N_("本校综合得分（分），{quarter}，{day}公布，第 {version} 版{before}")
    return words(
        text, quarter=formats.quarter(view.place.quarter), count=len(view.rows),
        day=formats.day(publication.published_at), version=publication.version,
        before=words(N_("，与 {quarter}相比"), quarter=formats.quarter(previous)) if previous else Words(""),
    )  # fmt: skip


def caution(view: RankingView) -> Words | None:
    """Said when there are too few schools for places to mean much, or when places are not told."""
    if not view.rows:
        return None
    if not view.ranking.whole and view.own and view.own.rank is None and view.place.filtered:
        return words(N_("这样筛选的名次没有公布，只显示本校得分。"))
    if view.ranking.whole and 1 < len(view.rows) < FEW:
        return words(N_("只有 {count} 所学校，名次仅供参考。"), count=len(view.rows))
    return None


def disclosed(view: RankingView) -> Words | None:
    """What a school is told of the others, by its district's decision."""
    publication = view.ranking.publication
    if publication is None or view.own is None or view.ranking.whole:
        return None
    if publication.disclosure is Disclosure.TIERS:
        return words(N_("区教育工委决定本季度只公布分档名单，不公布名次。"))
    return words(N_("区教育工委决定本季度各校只看本校名次。"))


def sentence(view: RankingView) -> Words:
    """The chart in words: both ends, and who moved most."""
    if view.alone and view.own:
        return own_finding(view.own)
    first, last = view.rows[0], view.rows[-1]
    moved = [row for row in view.rows if row.change]
    return words(
        N_("最高的是{first}（{high} 分），最低的是{last}（{low} 分）{moved}。"),
        first=first.standing.name, high=formats.points(first.standing.total), last=last.standing.name,
        low=formats.points(last.standing.total), moved=_moved(moved) if moved else Words(""),
    )  # fmt: skip


def _moved(rows: list[RankedRow]) -> Words:
    up, down = max(rows, key=_change), min(rows, key=_change)
    parts = []
    if _change(up) > 0:
        parts.append((N_("；进步最大的是{name}（{change}）"), up))
    if _change(down) < 0:
        parts.append((N_("；退步最大的是{name}（{change}）"), down))
    said = [words(text, name=row.standing.name, change=formats.signed(row.change)) for text, row in parts]
    return Words("{up}{down}", {"up": said[0], "down": said[1] if len(said) > 1 else Words("")})


def _change(row: RankedRow) -> Decimal:
    return row.change or ZERO


def change_words(change: Decimal | None) -> Words:
    """A change of the total with its arrow and its word."""
    if change is None:
        return words(N_("上季度未排名"))
    if change == 0:
        return words(N_("— 持平"))
    text = N_("↑ 提高 {by}") if change > 0 else N_("↓ 下降 {by}")
    return words(text, by=formats.points(abs(change)))


def moved_words(moved: int | None) -> Words:
    """A change of the place with its arrow and its word."""
    if moved is None:
        return Words("—")
    if moved == 0:
        return words(N_("— 不变"))
    text = N_("↑ 上升 {by} 名") if moved > 0 else N_("↓ 下降 {by} 名")
    return words(text, by=abs(moved))


def figure_rows(view: RankingView, speak: Speak) -> list[Bar]:
    own = speak(N_("（本校）"))
    return [
        Bar(
            name=f"{row.rank or '—'}  {row.standing.name}{own if row.own else ''}",
            value=row.standing.total,
            label=f"{formats.points(row.standing.total)} {row.standing.grade}",
            hover=f"{row.standing.name}：{formats.points(row.standing.total)} {speak(change_words(row.change))}",
            key=str(row.standing.school_id),
            before=last_total(row),
            own=row.own,
        )
        for row in view.rows
    ]


def cuts(view: RankingView) -> list[Cut]:
    """A line where each band but the lowest begins."""
    return [Cut(band.minimum, f"{band.name_zh} {formats.number(band.minimum)}") for band in view.bands[:-1]]


def chart(scope: Scope, place: Place, speak: Speak) -> list[Any]:
    """Bars with last quarter's dots; nothing where there is but one row."""
    view = load(scope, place)
    if len(view.rows) < 2:
        return []
    figure = bars(figure_rows(view, speak), speak(N_("综合得分（分）")), cuts(view), speak(N_("上季度")), view.ceiling)
    return [graph(figure, speak(sentence(view)))]


def opens(scope: Scope, row: RankedRow) -> bool:
    """Whether this person may open the row's score: a school only its own."""
    return row.own or scope.whole_district or bool(scope.published_in)


def target(scope: Scope, place: Place, key: str) -> str:
    """The page of the score that a bar stands for; NoSuchBar for a bar that the person's chart has not."""
    for row in load(scope, place).rows:
        if str(row.standing.school_id) == key and opens(scope, row):
            return url_for("results.explanation", quarter=place.quarter, school_id=row.standing.school_id)
    raise NoSuchBar


def download(scope: Scope, place: Place, speak: Speak) -> Table:
    return table(load(scope, place), speak)


def table(view: RankingView, speak: Speak) -> Table:
    """The page's table as a file."""
    district = [speak(N_("区县"))] if view.several_districts else []
    names = (
        N_("名次"), N_("学校"), N_("学段"), N_("组织类型"), N_("片区"), N_("总分"), N_("等次"), N_("绿灯"), N_("黄灯"),
        N_("红灯"), N_("总分变化"), N_("名次变化"),
    )  # fmt: skip
    columns = [speak(name) for name in names]
    return Table(
        speak(finding(view)), speak(subtitle(view)), [*columns[:2], *district, *columns[2:]],
        [_cells(row, view.several_districts, speak) for row in view.rows],
    )  # fmt: skip


def _cells(row: RankedRow, several: bool, speak: Speak) -> list[Cell]:
    school = row.standing
    return [
        row.rank, school.name, *([row.district_name] if several else []), speak(STAGE_NAMES[school.stage]),
        speak(ORG_KIND_NAMES[school.org_kind]), school.group_name, school.total, school.grade, school.green,
        school.yellow, school.red, row.change, row.moved,
    ]  # fmt: skip


def values(scope: Scope, view: RankingView) -> dict[str, Any]:
    """What the template needs."""
    return {
        "opened": frozenset(row.standing.school_id for row in view.rows if opens(scope, row)),
        "view": view, "place": view.place, "finding": finding(view), "subtitle": subtitle(view),
        "caution": caution(view), "disclosed": disclosed(view),
        "sentence": sentence(view) if len(view.rows) > 1 else None, "change_words": change_words, "moved_words": moved_words,
        "last_total": last_total, "scale": view.ceiling, "cuts": cuts(view), "options": options(view.everything),
    }  # fmt: skip


def options(rows: tuple[RankedRow, ...]) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: only what there is."""
    schools = [row.standing for row in rows]
    return {
        "stage": [(stage.value, name) for stage, name in STAGE_NAMES.items() if stage in {s.stage for s in schools}],
        "kind": [(kind.value, name) for kind, name in ORG_KIND_NAMES.items() if kind in {s.org_kind for s in schools}],
        "group": [(name, name) for name in sorted({s.group_name for s in schools if s.group_name})],
        "district": sorted({(str(row.standing.district_id), row.district_name) for row in rows}),
    }

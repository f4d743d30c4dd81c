"""差距: which indicators cost points, whom, and how much is still to do."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import url_for

from dashboards.components import graph
from dashboards.downloads import Cell, Table
from dashboards.figures import Bar, bars
from dashboards.pages.ranking import options as school_options
from dashboards.shell import NoSuchBar, Place
from tenants import formats
from tenants.reporting.queries import quarter_view
from tenants.results.queries import EVERYTHING, GapRow, Gaps, IndicatorGap, gaps, standings
from tenants.scope import Scope
from tenants.scoring.values import ZERO, ItemState, Light
from tenants.words import N_, Words, words

Speak = Callable[[Words | str], str]
PAGE = 50  # rows of schools on one page
MOST = 40  # bars in one chart
TEMPLATE = "dash/gaps.html"
LIGHT_WORDS: dict[Light, str] = {Light.GREEN: N_("绿"), Light.YELLOW: N_("黄"), Light.RED: N_("红")}


@dataclass(frozen=True, slots=True)
class GapsView:
    """The gaps asked for; `rows` are narrowed to the chosen indicator, `known` are all indicators to choose from."""

    place: Place
    gaps: Gaps
    rows: tuple[GapRow, ...]
    known: tuple[IndicatorGap, ...]
    own: bool

    @property
    def published(self) -> bool:
        return self.gaps.publication is not None

    @property
    def state(self) -> Words:
        return self.gaps.words

    @property
    def size(self) -> int:
        return PAGE

    @property
    def indicators(self) -> tuple[IndicatorGap, ...]:
        chosen = self.place.indicator
        return tuple(gap for gap in self.gaps.indicators if not chosen or gap.code == chosen)

    @property
    def lost(self) -> Decimal:
        return sum((row.lost for row in self.rows), ZERO)

    @property
    def pages(self) -> int:
        return max(1, -(-len(self.rows) // PAGE))

    @property
    def page(self) -> int:
        return min(self.place.page, self.pages)

    @property
    def shown(self) -> tuple[GapRow, ...]:
        return self.rows[(self.page - 1) * PAGE : self.page * PAGE]

    @property
    def several_districts(self) -> bool:
        return len({row.standing.district_id for row in self.rows}) > 1


def load(scope: Scope, place: Place) -> GapsView:
    found = gaps(scope, place.quarter, place.filters)
    if found.publication is None:
        quarter_view(scope, place.quarter)  # NotFound, in words, for a quarter that is not known at all
    known = gaps(scope, place.quarter).indicators if place.filters != EVERYTHING else found.indicators
    rows = tuple(row for row in found.rows if not place.indicator or row.item.code == place.indicator)
    return GapsView(place, found, rows, known, own=not scope.whole_district and not scope.published_in)


def finding(view: GapsView) -> Words:
    """The page's title: where the points went."""
    if view.gaps.publication is None:
        return Words(N_("差距尚未公布"))
    if not view.gaps.schools:
        return Words(N_("没有符合条件的学校"))
    if not view.rows:
        return Words(N_("没有失分"))
    lost = formats.points(view.lost)
    if view.own:
        return words(N_("本校 {count} 项失分，共失 {lost} 分"), count=len(view.rows), lost=lost)
    most = view.indicators[0]
    if view.place.indicator:
        return words(
            N_("{schools} 所学校在《{name}》上失分，共失 {lost} 分"), schools=most.schools, name=most.name, lost=lost
        )
    return words(
        N_("失分集中在《{name}》：{schools} 所学校共失 {lost} 分"),
        name=most.name, schools=most.schools, lost=formats.points(most.lost),
    )  # fmt: skip


def subtitle(view: GapsView) -> Words:
    """Measure, unit, period, how many."""
    quarter = formats.quarter(view.place.quarter)
    publication = view.gaps.publication
    if publication is None:
        return Words("{quarter}", {"quarter": quarter})
    return words(
        N_("各指标失分（分），{quarter}，{schools} 所学校 {items} 项失分，{day}公布，第 {version} 版"),
        quarter=quarter, schools=view.gaps.schools, items=len(view.rows), version=publication.version,
        day=formats.day(publication.published_at),
    )  # fmt: skip


def sentence(view: GapsView) -> Words:
    """The chart in words."""
    if not view.rows:
        return words(N_("所选范围内没有失分。"))
    if view.place.indicator or view.own:
        first = view.rows[0]
        return words(
            N_("失分最多的是{what}，失 {lost} 分{short}。"),
            what=first.item.name if view.own else first.standing.name, lost=formats.points(first.lost),
            short=words(N_("，{short}"), short=first.short) if first.short else Words(""),
        )  # fmt: skip
    top = view.indicators[:3]
    return words(
        N_("失分最多的 {count} 项是{names}，合计 {lost} 分，占全部失分的 {share}。"),
        count=len(top), names="、".join(gap.name for gap in top), lost=formats.points(sum((g.lost for g in top), ZERO)),
        share=formats.percent(sum((g.lost for g in top), ZERO) / view.lost),
    )  # fmt: skip


def state_words(row: GapRow) -> Words:
    """The light's word, or why there is none."""
    if row.item.state is ItemState.MISSING:
        return Words(N_("未报"))
    return Words(LIGHT_WORDS[row.item.light]) if row.item.light else Words("—")


def by_schools(view: GapsView) -> bool:
    """Whether the chart's bars are schools' rows; otherwise they are indicators."""
    return view.own or bool(view.place.indicator)


def figure_rows(view: GapsView, speak: Speak) -> list[Bar]:
    """Bars by lost points: of schools (or of a school's indicators) where one is chosen, else of indicators."""
    if by_schools(view):
        return [_row_bar(row, view.own, speak) for row in view.rows[:MOST]]
    return [_indicator_bar(gap, speak) for gap in view.indicators[:MOST]]


def _row_bar(row: GapRow, own: bool, speak: Speak) -> Bar:
    name = f"{row.item.number} {row.item.name}" if own else row.standing.name
    key, note = f"{row.standing.school_id} {row.item.code}", speak(row.short) if row.short else ""
    label = formats.points(row.lost)
    return Bar(name=name, value=row.lost, label=label, hover=f"{name}：{speak(row.item.why)}", key=key, note=note)


def _indicator_bar(gap: IndicatorGap, speak: Speak) -> Bar:
    said = words(
        N_("{schools} 所学校失分，红灯 {red}，黄灯 {yellow}"), schools=gap.schools, red=gap.red, yellow=gap.yellow
    )
    return Bar(
        name=f"{gap.number} {gap.name}", value=gap.lost, label=formats.points(gap.lost),
        hover=f"{gap.name}：{formats.points(gap.lost)}；{speak(said)}", key=gap.code,
    )  # fmt: skip


def chart(scope: Scope, place: Place, speak: Speak) -> list[Any]:
    view = load(scope, place)
    if not view.rows:
        return []
    figure = bars(figure_rows(view, speak), speak(N_("失分（分）")))
    return [graph(figure, speak(sentence(view)))]


def target(scope: Scope, place: Place, key: str) -> str:
    """A school's bar leads to its score at the indicator, an indicator's bar to its rows; NoSuchBar for other bars."""
    view = load(scope, place)
    if not by_schools(view):
        return _indicator_target(view, key)
    for row in view.rows:
        if key == f"{row.standing.school_id} {row.item.code}":
            return explained(view, row)
    raise NoSuchBar


def explained(view: GapsView, row: GapRow) -> str:
    """The row's place in its school's score."""
    school_id = row.standing.school_id
    anchor = f"i-{row.item.code}"
    return url_for("results.explanation", quarter=view.place.quarter, school_id=school_id, _anchor=anchor)


def _indicator_target(view: GapsView, key: str) -> str:
    if key not in {gap.code for gap in view.indicators}:
        raise NoSuchBar
    return view.place.search(indicator=key, page="")


def download(scope: Scope, place: Place, speak: Speak) -> Table:
    return table(load(scope, place), speak)


def table(view: GapsView, speak: Speak) -> Table:
    """The rows of schools as a file: those of all pages."""
    district = [speak(N_("区县"))] if view.several_districts else []
    names = (
        N_("学校"), N_("指标编号"), N_("指标"), N_("灯"), N_("得分"), N_("满分"), N_("失分"), N_("还差"), N_("原因")
    )  # fmt: skip
    columns = [speak(name) for name in names]
    return Table(
        speak(finding(view)), speak(subtitle(view)), [columns[0], *district, *columns[1:]],
        [_cells(row, view.several_districts, speak) for row in view.rows],
    )  # fmt: skip


def _cells(row: GapRow, several: bool, speak: Speak) -> list[Cell]:
    item = row.item
    return [
        row.standing.name, *([row.district_name] if several else []), item.number, item.name, speak(state_words(row)),
        item.earned, item.weight, item.lost, speak(row.short) if row.short else None, speak(item.why),
    ]  # fmt: skip


def values(scope: Scope, view: GapsView) -> dict[str, Any]:
    """What the template needs."""
    offered = school_options(standings(scope, view.place.quarter).rows) if not view.own else school_options(())
    offered["indicator"] = [(gap.code, f"{gap.number} {gap.name}") for gap in view.known]
    return {
        "view": view, "place": view.place, "finding": finding(view), "subtitle": subtitle(view),
        "sentence": sentence(view) if view.rows else None, "state_words": state_words, "options": offered,
        "explained": explained,
        "most": max((gap.lost for gap in view.indicators), default=ZERO),
    }  # fmt: skip

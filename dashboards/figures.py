"""Charts as pure functions of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from itertools import pairwise

from plotly import graph_objects as go

from dashboards import theme
from tenants import formats

LINE = 14  # characters of a name on one line
OVER, NARROW = 56, 12  # pixels above the bars, with and without names of cuts
ROOM = Decimal("1.2")  # beyond the longest bar, for what is written beside it


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: whose, how long, what is written beside it, and which row of ours a click on it means."""

    name: str
    value: Decimal
    label: str
    hover: str
    key: str
    before: Decimal | None = None
    own: bool = False
    note: str = ""  # a second line under the name


@dataclass(frozen=True, slots=True)
class Cut:
    """A line at a value, with its name."""

    at: Decimal
    name: str


def bars(
    rows: Sequence[Bar], axis: str, cuts: Sequence[Cut] = (), before: str = "", top: Decimal | None = None
) -> go.Figure:
    """Horizontal bars from zero in the order given; where a row has a `before`, a dot joined to the bar's end."""
    figure = go.Figure(_bars(rows))
    if before and any(row.before is not None for row in rows):
        figure.add_traces([_moves(rows), _dots(rows, before)])
    ends = [0, float(top if top is not None else max(row.value for row in rows) * ROOM)]
    lines = _lines_of(rows)
    figure.update_layout(
        theme.layout(
            len(rows),
            lines,
            OVER if cuts else NARROW,
            xaxis=theme.measure(axis, range=ends),
            yaxis=theme.names([_name(row) for row in rows]),
        )
    )
    for level, cut in enumerate(cuts):
        figure.add_vline(x=float(cut.at), line={"color": theme.CUT, "width": 1, "dash": "dot"})
        figure.add_annotation(
            x=float(cut.at), y=1, yref="paper", yanchor="bottom", yshift=13 * (level % 3), showarrow=False,
            text=escape(cut.name), font={"size": 11, "color": theme.SOFT},
        )  # fmt: skip
    return figure


def _name(row: Bar) -> str:
    """Names are text, never markup: plotly would read tags in them. Long ones take two lines, for phones."""
    lines = [row.name[start : start + LINE] for start in range(0, len(row.name), LINE)]
    name = "<br>".join(escape(line) for line in lines[:2]) + ("…" if len(lines) > 2 else "")
    whole = f"<b>{name}</b>" if row.own else name
    return f"{whole}<br><b>{escape(row.note)}</b>" if row.note else whole


def _lines_of(rows: Sequence[Bar]) -> int:
    """For how many lines there must be room: a long name between short ones takes of theirs."""
    lines = [_lines(row) for row in rows]
    return max((min(pair) for pair in pairwise(lines)), default=lines[0])


def _lines(row: Bar) -> int:
    return min(2, -(-len(row.name) // LINE)) + bool(row.note)


def _bars(rows: Sequence[Bar]) -> go.Bar:
    return go.Bar(
        y=list(range(len(rows))),
        x=[float(row.value) for row in rows],
        orientation="h",
        marker={
            "color": [theme.AMOUNT if row.own else theme.AMOUNT_SOFT for row in rows],
            "line": {"color": theme.OWN, "width": [2.5 if row.own else 0 for row in rows]},
        },
        text=[escape(row.label) for row in rows],
        textposition="auto",
        constraintext="none",
        insidetextanchor="start",
        textangle=0,
        textfont={"color": theme.INK, "size": 12},
        insidetextfont={"size": 12, "color": [theme.PAPER if row.own else theme.INK for row in rows]},
        cliponaxis=False,
        customdata=[row.key for row in rows],
        hovertext=[escape(row.hover) for row in rows],
        hoverinfo="text",
    )


def _moves(rows: Sequence[Bar]) -> go.Scatter:
    """The thin lines from last time's dots to the ends of the bars."""
    xs: list[float | None] = []
    ys: list[int | None] = []
    for place, row in enumerate(rows):
        if row.before is not None:
            xs += [float(row.before), float(row.value), None]
            ys += [place, place, None]
    return go.Scatter(
        x=xs, y=ys, mode="lines", line={"color": theme.BEFORE, "width": 1.5}, hoverinfo="skip", showlegend=False
    )


def _dots(rows: Sequence[Bar], before: str) -> go.Scatter:
    known = [(place, row) for place, row in enumerate(rows) if row.before is not None]
    return go.Scatter(
        x=[float(row.before) for _, row in known if row.before is not None],
        y=[place for place, _ in known],
        mode="markers",
        marker={"color": theme.PAPER, "size": 8, "line": {"color": theme.BEFORE, "width": 2}},
        customdata=[row.key for _, row in known],
        hovertext=[f"{escape(row.name)}：{escape(before)} {formats.points(row.before)}" for _, row in known],
        hoverinfo="text",
    )

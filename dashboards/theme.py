"""The colours and type of charts: the tokens of `linghang.css`, measured for contrast on white."""

from typing import Any

INK = "#1d2939"
SOFT = "#475467"
LINE = "#d0d5dd"
PAPER = "#ffffff"
AMOUNT = "#2f6fc4"
AMOUNT_SOFT = "#8fb4e8"
OWN = "#103a7a"
BEFORE = "#b54708"
CUT = "#667085"
FONT = 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif'

ROW = 28  # pixels for one bar with its name
MORE = 16  # pixels for one more line of the name
FRAME = 48  # pixels below the bars


def height(rows: int, lines: int = 1) -> int:
    """So many pixels from the first bar down that every bar keeps its name, of so many lines."""
    return FRAME + (ROW + MORE * (lines - 1)) * max(rows, 2)


def layout(rows: int, lines: int, above: int, **more: Any) -> dict[str, Any]:
    """What all charts have in common; `above` is the room in pixels for what stands over the bars."""
    return {
        "height": above + height(rows, lines),
        "margin": {"l": 8, "r": 24, "t": above, "b": 40, "pad": 4},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "font": {"family": FONT, "size": 13, "color": INK},
        "hoverlabel": {"font": {"family": FONT, "size": 13}, "align": "left"},
        "showlegend": False,
        "bargap": 0.35,
        "dragmode": False,
        **more,
    }


def measure(title: str, **more: Any) -> dict[str, Any]:
    """The axis along which bars are read: from zero, with quiet grid lines."""
    return {
        "title": {"text": title, "font": {"color": SOFT, "size": 12}},
        "rangemode": "tozero",
        "gridcolor": "#eaecf0",
        "zerolinecolor": CUT,
        "fixedrange": True,
        "automargin": True,
        **more,
    }


def names(texts: list[str]) -> dict[str, Any]:
    """The axis of names: the first on top, places by number so that equal names do not fall together."""
    return {
        "tickvals": list(range(len(texts))),
        "ticktext": texts,
        "range": [len(texts) - 0.5, -0.5],
        "fixedrange": True,
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
        "ticklen": 4,
        "tickcolor": PAPER,
    }

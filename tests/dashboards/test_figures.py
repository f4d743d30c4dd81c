"""Charts are functions of rows; nothing of them leaves the host, and names in them are text."""

from decimal import Decimal
from pathlib import Path

from dashboards import components
from dashboards.figures import Bar, Cut, bars

ROWS = [
    Bar("第一小学", Decimal("98.65"), "98.65 好", "第一小学：98.65", "a", before=Decimal("94.55")),
    Bar("<a href='https://evil.example'>二</a>", Decimal("71.00"), "71.00 <b>一般</b>", "<i>x</i>", "b", own=True),
]


def test_bars_begin_at_zero_and_keep_their_order() -> None:
    figure = bars(ROWS, "综合得分（分）", top=Decimal(105))
    (trace,) = figure.data
    assert list(trace.x) == [98.65, 71.0]
    assert list(trace.customdata) == ["a", "b"]
    assert list(figure.layout.xaxis.range) == [0, 105]
    assert list(figure.layout.yaxis.range) == [1.5, -0.5]
    assert figure.layout.xaxis.rangemode == "tozero"


def test_last_time_is_a_dot_joined_to_the_bar() -> None:
    lines, dots = bars(ROWS, "分", before="上季度").data[1:]
    assert list(lines.x) == [94.55, 98.65, None]
    assert (list(dots.x), list(dots.y), dots.mode) == ([94.55], [0], "markers")
    assert dots.hovertext == ("第一小学：上季度 94.55",)


def test_no_dots_where_nothing_was_before() -> None:
    assert len(bars([ROWS[1]], "分", before="上季度").data) == 1


def test_cuts_are_lines_with_names() -> None:
    figure = bars(ROWS, "分", [Cut(Decimal(90), "好 90")])
    assert [shape.x0 for shape in figure.layout.shapes] == [90]
    assert [note.text for note in figure.layout.annotations] == ["好 90"]


def test_names_are_text_and_never_markup() -> None:
    figure = bars(ROWS, "分", [Cut(Decimal(1), "<b>x</b>")])
    said = figure.to_json()
    for unsafe in ("<a", "<i>", "<b>x", "<b>一般"):
        assert unsafe not in said.replace("\\u003c", "<")
    assert figure.layout.yaxis.ticktext[1].startswith("<b>&lt;a")
    assert figure.layout.yaxis.ticktext[1].endswith("…</b>")


def test_own_bar_is_outlined_and_bold() -> None:
    trace = bars(ROWS, "分").data[0]
    assert list(trace.marker.line.width) == [0, 2.5]


def test_long_names_and_notes_take_lines_of_their_own() -> None:
    long = Bar("6.3 意识形态工作专题研究（研判）次数", Decimal(3), "3.00", "", "a", note="还差 1 次")
    figure = bars([long, ROWS[0]], "分")
    assert figure.layout.yaxis.ticktext[0] == "6.3 意识形态工作专题研究<br>（研判）次数<br><b>还差 1 次</b>"
    short = bars([ROWS[0], ROWS[0]], "分").layout.height
    assert figure.layout.height == short < bars([long, long], "分").layout.height


def test_every_bar_has_room_for_its_name() -> None:
    many = [Bar(str(n), Decimal(n), "", "", str(n)) for n in range(100)]
    assert bars(many, "分").layout.height >= 100 * 24


def test_no_decoration_of_plotly() -> None:
    assert components.CONFIG["displayModeBar"] is False
    assert components.CONFIG["showSendToCloud"] is False
    assert components.CONFIG["plotlyServerURL"] == ""
    assert components.CONFIG["displaylogo"] is False


def test_a_graph_carries_its_sentence_and_its_settings() -> None:
    made = components.graph(bars(ROWS, "分"), "最高的是第一小学").to_plotly_json()
    picture, caption = made["props"]["children"]
    assert picture.role == "img"
    assert getattr(picture, "aria-label") == caption.children == "最高的是第一小学"
    assert picture.children.config is components.CONFIG


def test_graph_is_made_in_one_place_only() -> None:
    folder = Path(components.__file__).parent
    makers = [path.name for path in folder.rglob("*.py") if "dcc.Graph(" in path.read_text("utf-8")]
    assert makers == ["components.py"]
    everywhere = "".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    assert "@dash.callback" not in everywhere
    assert "plotly.express" not in everywhere
    assert "pandas" not in everywhere

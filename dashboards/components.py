"""The few Dash components that the views use; `graph` is the only way to a chart."""

from typing import Any

from dash import dcc, html
from plotly import graph_objects as go

CONFIG: Any = {
    "displayModeBar": False,
    "displaylogo": False,
    "showSendToCloud": False,
    "showEditInChartStudio": False,
    "sendData": False,
    "plotlyServerURL": "",
    "showTips": False,
    "scrollZoom": False,
    "doubleClick": False,
    "responsive": True,
}
"""Nothing of a chart ever leaves the host, and no words of plotly's own are shown."""

BARS = "bars"  # the id of a view's chart, which its click is listened for by


def graph(figure: go.Figure, said: str, id: str = BARS) -> html.Figure:
    """A chart with its name: `said` is the sentence that tells the same."""
    size: Any = {"height": f"{figure.layout.height}px"}
    chart = dcc.Graph(id=id, figure=figure, config=CONFIG, className="chart", responsive=True, style=size)
    name: Any = {"aria-label": said}
    return html.Figure([html.Div(chart, role="img", **name), html.Figcaption(said)])


def containers() -> html.Div:
    """The layout of every view: places for charts, and nothing of any tenant."""
    return html.Div(
        [dcc.Location(id="place", refresh="callback-nav"), dcc.Location(id="go", refresh=True), html.Div(id="charts")]
    )

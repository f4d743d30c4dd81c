"""From an address to a view."""

import pytest

from dashboards.shell import BadAddress, BadInput, Place, View, clicked_key, place
from tenants.errors import NotFound
from tenants.quarter import Quarter
from tenants.results.queries import Filters
from tenants.schools.models import OrgKind, Stage

Q2 = Quarter(2026, 2)
GOOD = [
    ("2026q2/ranking", "", Place(Q2, View.RANKING)),
    ("2026Q2/gaps", "?page=2", Place(Q2, View.GAPS, page=2)),
    ("2026q2/ranking", "?stage=primary&kind=branch", Place(Q2, View.RANKING, Filters(stage=Stage.PRIMARY, org_kind=OrgKind.BRANCH))),
    ("2026q2/gaps", "?indicator=party_meeting_count&group=", Place(Q2, View.GAPS, indicator="party_meeting_count")),
    ("2026q2/ranking", "?group=%E5%9F%8E%E5%8C%BA%E7%89%87&unknown=1", Place(Q2, View.RANKING, Filters(group="城区片"))),
]  # fmt: skip
NOWHERE = ["", "2026q2", "2026q5/ranking", "2026q2/secrets", "2026q2/ranking/", "../2026q2/ranking", "1999q1/gaps"]
BAD = [
    "?stage=university", "?kind=x", "?district=1", "?page=0", "?page=-1", "?page=99999", "?indicator=a b",
    "?group=%00", "?group=" + "x" * 61, "?stage=primary&stage=junior", "?group=\ud800",
    "?" + "&".join(f"a{i}=1" for i in range(30)),
]  # fmt: skip


@pytest.mark.parametrize(("path", "search", "expected"), GOOD)
def test_good_addresses(path: str, search: str, expected: Place) -> None:
    assert place(path, search) == expected


@pytest.mark.parametrize("path", NOWHERE)
def test_no_such_view(path: str) -> None:
    with pytest.raises(NotFound):
        place(path, "")


@pytest.mark.parametrize("search", BAD)
def test_bad_filters(search: str) -> None:
    with pytest.raises(BadAddress):
        place("2026q2/ranking", search)


@pytest.mark.parametrize(("path", "search"), [(None, ""), ("2026q2/ranking", None), (1, ""), ("2026q2/gaps", ["?"])])
def test_addresses_are_text(path: object, search: object) -> None:
    with pytest.raises(BadAddress):
        place(path, search)


@pytest.mark.parametrize(("path", "search", "expected"), GOOD)
def test_address_of_a_place_leads_back_to_it(path: str, search: str, expected: Place) -> None:
    assert place(path, expected.search()) == expected


def test_changing_one_filter_keeps_the_others() -> None:
    here = place("2026q2/gaps", "?stage=primary&page=3")
    assert here.search(indicator="x", page="") == "?stage=primary&indicator=x"


@pytest.mark.parametrize("clicked", [None, 1, [], {}, {"points": 1}, {"points": []}, {"points": [1]}, {"points": [{}]},
                                     {"points": [{"customdata": 3}]}, {"points": [{"customdata": "x" * 200}]},
                                     {"points": [{"customdata": "\x00"}]}])  # fmt: skip
def test_clicks_of_another_shape(clicked: object) -> None:
    with pytest.raises(BadInput):
        clicked_key(clicked)


def test_click() -> None:
    assert clicked_key({"points": [{"customdata": "abc"}]}) == "abc"

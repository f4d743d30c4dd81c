import json
from decimal import Decimal as D

import pytest
from hypothesis import given, settings

from tenants.schemes.format import default_scheme
from tenants.scoring.canonical import (
    canonical,
    digest,
    facts_from_data,
    facts_to_data,
    result_to_data,
    words_from_data,
    words_to_data,
)
from tenants.scoring.engine import score
from tenants.scoring.values import Facts, Kind, Ratio
from tests.tenants.scoring.examples import QUARTERS, any_facts, count, facts_of, scheme_of, share

FORMS = [
    ({"b": D("1.50"), "a": [True, None, 3]}, '{"a":[true,null,3],"b":"1.5"}'),
    (D("1E+3"), '"1000"'),
    ((D("3.0"), D(3)), '["3","3"]'),
    (Ratio(D(1), D(2)), '{"den":"2","num":"1"}'),
    ({Kind.RATIO: Kind.COUNT}, '{"ratio":"count"}'),
    (frozenset({"乙", "甲"}), '["乙","甲"]'),
    ("党组织会议", '"党组织会议"'),
]


@pytest.mark.parametrize(("thing", "text"), FORMS)
def test_canonical(thing, text):
    assert canonical(thing) == text


NO_FORM = [
    (1.5, TypeError),
    ({1: 2}, TypeError),
    (D("NaN"), ValueError),
    (D("Infinity"), ValueError),
    (Ratio, TypeError),
]


@pytest.mark.parametrize(("thing", "error"), NO_FORM)
def test_what_has_no_canonical_form(thing, error):
    with pytest.raises(error):
        canonical(thing)


def test_digest():
    assert digest("党") == "cc0b50fd16d7eb5a2fc55baf59ff46bb8b313e550a089f045dd47dea8433e91e"


@settings(max_examples=50, deadline=None)
@given(any_facts(), QUARTERS)
def test_a_sealed_run_can_be_recomputed(facts, quarter):
    stored = json.loads(canonical(facts_to_data(facts)))
    back = facts_from_data(stored)
    assert back == facts
    again, once = (score(default_scheme(), quarter, each) for each in (back, facts))
    assert again == once
    assert digest(canonical(result_to_data(again))) == digest(canonical(result_to_data(once)))


@settings(max_examples=50, deadline=None)
@given(any_facts(), QUARTERS)
def test_sentences_can_be_stored(facts, quarter):
    for item in score(default_scheme(), quarter, facts).items:
        assert words_from_data(json.loads(canonical(words_to_data(item.why)))) == item.why


def test_what_a_stored_result_says():
    indicator = count()
    data = result_to_data(score(scheme_of(indicator), 1, facts_of(indicator, D(2), bonus=D(1))))
    assert data["items"] == [
        {
            "code": "meetings",
            "group": "g",
            "state": "scored",
            "weight": "4.00",
            "target": "3",
            "values": ["2"],
            "earned": "2.50",
            "lost": "1.50",
            "light": "red",
            "shortfall": "1",
        }
    ]
    assert (data["base"], data["bonus"], data["total"], data["grade"]) == ("62.50", "1", "63.50", "差")


def test_stored_facts_keep_what_they_are():
    facts = Facts({"a": (True, None), "b": (share(1, 2),), "c": (D("1.50"),)}, frozenset({"z", "y"}), veto="v")
    assert facts_to_data(facts) == {
        "values": {"a": [True, None], "b": [["1", "2"]], "c": ["1.5"]},
        "not_applicable": ["y", "z"],
        "bonus": "0",
        "penalty": "0",
        "veto": "v",
        "final": True,
    }

"""A scheme that is written out and read again is the same scheme."""

from dataclasses import replace
from decimal import Decimal

from tenants.schemes.format import default_scheme, load_scheme, scheme_to_data
from tenants.schemes.writer import scheme_to_yaml
from tenants.scoring.canonical import canonical
from tenants.scoring.values import Lights, Scheme


def again(scheme: Scheme) -> Scheme:
    return load_scheme(scheme_to_yaml(scheme))


def test_default_scheme_survives() -> None:
    scheme = default_scheme()
    assert again(scheme) == scheme
    assert canonical(scheme_to_data(again(scheme))) == canonical(scheme_to_data(scheme))


def test_what_a_district_sets_survives() -> None:
    scheme = replace(
        default_scheme(), version="2026.1", ceiling=Decimal("110"), bonus_cap=Decimal(0), penalty_items=(),
        lights=Lights(Decimal("0.85"), Decimal("0.6")), library=(),
    )  # fmt: skip
    assert again(scheme) == scheme


def test_zero_is_kept() -> None:
    """A weight, an exact target or a step of 0 is not the same as none."""
    scheme = default_scheme()
    first, *rest = scheme.indicators
    group = next(group for group in scheme.groups if group.code == first.group)
    watched = replace(first, weight=Decimal(0))
    groups = tuple(replace(one, weight=one.weight - first.weight) if one == group else one for one in scheme.groups)
    changed = replace(scheme, indicators=(watched, *rest), groups=groups, base_total=scheme.base_total - first.weight)
    assert again(changed) == changed


def test_text_is_for_people() -> None:
    text = scheme_to_yaml(default_scheme())
    assert "党" in text
    assert "\\u" not in text
    assert "!!" not in text
    assert "*id" not in text

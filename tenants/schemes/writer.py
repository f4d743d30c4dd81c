"""A scheme as the YAML file that a district edits and imports again: the way back from `format.load_scheme`."""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import yaml

from tenants.scoring.rules import plain
from tenants.scoring.values import Indicator, LibraryItem, PointItem, Scheme, Veto

Data = dict[str, Any]
LINE = 120


class _Dumper(yaml.SafeDumper):
    """Decimals with every digit, and nothing written as a reference to what stood before."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _decimal(dumper: yaml.SafeDumper, number: Decimal) -> yaml.Node:
    text = plain(number)
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


def _enum(dumper: yaml.SafeDumper, found: Enum) -> yaml.Node:
    return dumper.represent_str(str(found.value))


_Dumper.add_representer(Decimal, _decimal)
_Dumper.add_multi_representer(Enum, _enum)


def scheme_to_yaml(scheme: Scheme) -> str:
    """The file's text; reading it gives an equal scheme with the same digest."""
    return yaml.dump(_file(scheme), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=LINE)


def _file(scheme: Scheme) -> Data:
    return {
        "schema_version": 1,
        "scheme": _head(scheme),
        "sources": {
            source.code: _given(doc=source.doc, url=source.url, status=source.status) for source in scheme.sources
        },
        "groups": [
            _given(code=group.code, name_zh=group.name_zh, name_en=group.name_en, weight=group.weight)
            for group in scheme.groups
        ],
        "indicators": [_indicator(indicator) for indicator in scheme.indicators],
        "veto": [_veto(veto) for veto in scheme.vetoes],
        "bonus": {"cap_total": scheme.bonus_cap, "items": [_point_item(item) for item in scheme.bonus_items]},
        "penalties": {"cap_total": scheme.penalty_cap, "items": [_point_item(item) for item in scheme.penalty_items]},
        "library": [_library_item(item) for item in scheme.library],
    }


def _given(**fields: Any) -> Data:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if not _says_nothing(value)}


def _says_nothing(value: object) -> bool:
    """Blank or off; the number 0 does say something."""
    return value is None or value is False or value in ("", [], {})


def _head(scheme: Scheme) -> Data:
    green, yellow = plain(scheme.lights.green_from), plain(scheme.lights.yellow_from)
    return _given(
        code=scheme.code,
        name_zh=scheme.name_zh,
        name_en=scheme.name_en,
        version=scheme.version,
        base_total=scheme.base_total,
        quarter_score=f"100 * earned / weight + bonus - penalties, clamp 0..{plain(scheme.ceiling)}, then veto",
        grade_bands=[{"min": band.minimum, **_given(zh=band.name_zh, en=band.name_en)} for band in scheme.bands],
        traffic_light={"green": f">= {green}", "yellow": f">= {yellow} and < {green}"},
    )


def _indicator(one: Indicator) -> Data:
    return _given(
        code=one.code,
        name_zh=one.name_zh,
        name_en=one.name_en,
        group=one.group,
        unit=one.unit,
        kind=one.kind,
        num=one.num_name,
        den=one.den_name,
        period=one.period,
        accumulate=one.accumulate,
        scope=one.per,
        quarter_targets=_schedule(one.quarter_targets),
        cumulative_targets=_schedule(one.cumulative_targets),
        method=one.method,
        step=one.step,
        per=one.per_points,
        checklist=list(one.checklist),
        event_expr="den - num" if one.event_expr_den_minus_num else None,
        na_when=one.na_when,
        rule_zh=one.rule_zh,
        target_note=one.target_note,
        evidence=list(one.evidence),
        sources=list(one.sources),
    ) | _numbers(one)


def _numbers(one: Indicator) -> Data:
    """Where 0 says something other than nothing."""
    target = {} if one.target is None else {"target": one.target}
    grace = {"grace": one.grace} if one.grace else {}
    return {"weight": one.weight, **target, **grace}


def _schedule(targets: tuple[Decimal | None, ...] | None) -> list[Decimal | None] | None:
    return None if targets is None else list(targets)


def _veto(veto: Veto) -> Data:
    return _given(code=veto.code, name_zh=veto.name_zh, sources=list(veto.sources)) | {"cap": veto.cap}


def _point_item(item: PointItem) -> Data:
    numbers: Mapping[str, Decimal | None] = {"per_event": item.per_event, "cap": item.cap}
    named = _given(code=item.code, name_zh=item.name_zh, levels=dict(item.levels), highest_only=item.highest_only)
    return named | {name: number for name, number in numbers.items() if number is not None}


def _library_item(item: LibraryItem) -> Data:
    target = {} if item.target is None else {"target": item.target}
    return target | _given(
        code=item.code,
        name_zh=item.name_zh,
        unit=item.unit,
        kind=item.kind,
        period=item.period,
        na_when=item.na_when,
        note=item.note,
        sources=list(item.sources),
    )

"""Facts as JSON, and their scores: what `linghang scheme score` reads and prints."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from tenants.errors import Invalid
from tenants.schemes.faults import Path, Problem, Wrong, not_negative, number_of
from tenants.schemes.format import MAX_PROBLEMS
from tenants.scoring.engine import score
from tenants.scoring.values import (
    ALL_QUARTERS,
    Facts,
    Indicator,
    ItemState,
    Kind,
    Ratio,
    Result,
    Scheme,
    Value,
)
from tenants.words import N_, Words, words


def read_facts(text: str) -> list[Any]:
    """The list in a JSON text, decimals exact; Invalid for NaN, Infinity, a key written twice, or no list."""
    try:
        data = json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_key_twice
        )
    except Wrong as error:
        _refuse_facts(error.words)
    except json.JSONDecodeError as error:
        _refuse_facts(words(N_("第 {line} 行第 {column} 列不是合法的 JSON"), line=error.lineno, column=error.colno))
    except (ArithmeticError, ValueError, RecursionError):
        _refuse_facts(words(N_("文件里有读不出的数字或嵌套太深")))
    if not isinstance(data, list):
        _refuse_facts(words(N_("文件最外层要是一个列表：每所学校一条")))
    return data


def _refuse_facts(said: Words) -> NoReturn:
    raise Invalid({"facts": said}, said)


def _no_constant(text: str) -> NoReturn:
    raise Wrong(words(N_("文件里有 {found}：数字要是有限的，没有填报请写 null"), found=text))


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = next((key for key, count in Counter(key for key, _ in pairs).items() if count > 1), None)
    if twice is not None:
        raise Wrong(words(N_("同一条里“{key}”写了不止一次"), key=twice))
    return dict(pairs)


class _Case(NamedTuple):
    """One entry of a facts file, checked."""

    id: object
    quarter: int
    facts: Facts


FACT_FIELDS = frozenset({"id", "quarter", "values", "not_applicable", "bonus", "penalty", "veto"})


def score_facts(scheme: Scheme, facts_json: list[Any]) -> list[dict[str, Any]]:
    """Points of each entry as decimal strings with two places; Invalid names every wrong place ("facts.3.bonus")."""
    if not isinstance(facts_json, list):
        _refuse_facts(words(N_("文件最外层要是一个列表：每所学校一条")))
    problems: list[Problem] = []
    cases = [_case(scheme, entry, ("facts", index), problems) for index, entry in enumerate(facts_json)]
    if problems:
        raise Invalid({".".join(map(str, path)): said for path, said in problems[:MAX_PROBLEMS]})
    return [_scored(case, score(scheme, case.quarter, case.facts)) for case in cases if case is not None]


def _scored(case: _Case, result: Result) -> dict[str, Any]:
    applicable = [item for item in result.items if item.state is not ItemState.NOT_APPLICABLE]
    return {
        "id": case.id,
        "indicators": {item.code: f"{item.earned:.2f}" for item in applicable},
        "base": f"{result.base:.2f}",
        "total": f"{result.total:.2f}",
        "grade": result.grade.name_zh,
    }


def _case(scheme: Scheme, entry: object, path: Path, problems: list[Problem]) -> _Case | None:
    """The checked entry, or None with what is wrong added to `problems`."""
    before = len(problems)
    if not isinstance(entry, dict):
        problems.append((path, words(N_('每一条要写成 {{"id": …, "quarter": …, "values": …}} 的形式'))))
        return None
    for field in sorted(FACT_FIELDS & {"id", "quarter", "values"} - entry.keys()):
        problems.append(((*path, field), words(N_("缺少“{field}”，请补上"), field=field)))
    for field in sorted(map(str, entry.keys() - FACT_FIELDS)):
        problems.append(((*path, field), words(N_("不认识“{field}”，请核对拼写，或删去"), field=field)))
    taker = _Taker(scheme, entry, path, problems)
    case = taker.case()
    return case if len(problems) == before else None


class _Taker(NamedTuple):
    """Takes one entry apart; what is wrong goes to `problems`, and a harmless value stands in for it."""

    scheme: Scheme
    entry: dict[str, Any]
    path: Path
    problems: list[Problem]

    def case(self) -> _Case:
        quarter = self.quarter()
        not_applicable = self.codes()
        facts = Facts(
            values=self.values(quarter, not_applicable),
            not_applicable=not_applicable,
            bonus=self.points("bonus"),
            penalty=self.points("penalty"),
            veto=self.veto(),
        )
        return _Case(self.id(), quarter, facts)

    def wrong(self, said: Words, *path: str | int) -> None:
        self.problems.append(((*self.path, *path), said))

    def id(self) -> str | int:
        found = self.entry.get("id", "")
        if isinstance(found, str):
            return found
        number = self._whole(found)
        if number is None:
            self.wrong(words(N_("id 要写文字或整数")), "id")
        return number or 0

    def quarter(self) -> int:
        found = self._whole(self.entry.get("quarter", 1))
        if found not in ALL_QUARTERS:
            self.wrong(words(N_("季度要写 1、2、3 或 4")), "quarter")
            return 1
        return found

    @staticmethod
    def _whole(found: object) -> int | None:
        try:
            number = number_of(found)
        except Wrong:
            return None
        return int(number) if number == int(number) else None

    def codes(self) -> frozenset[str]:
        found = self.entry.get("not_applicable", [])
        if not isinstance(found, list):
            self.wrong(words(N_("这里要写成列表")), "not_applicable")
            return frozenset()
        known = {indicator.code for indicator in self.scheme.indicators}
        for index, code in enumerate(found):
            if not isinstance(code, str) or code not in known:
                self.wrong(_unknown(code), "not_applicable", index)
        return frozenset(code for code in found if isinstance(code, str))

    def points(self, field: str) -> Decimal:
        try:
            return not_negative(self.entry.get(field, 0))
        except Wrong as error:
            self.wrong(error.words, field)
            return Decimal(0)

    def veto(self) -> str | None:
        found = self.entry.get("veto")
        if found is None or found in [veto.code for veto in self.scheme.vetoes]:
            return found
        self.wrong(words(N_("没有“{code}”这个一票否决项"), code=str(found)[:40]), "veto")
        return None

    def values(self, quarter: int, not_applicable: frozenset[str]) -> dict[str, tuple[Value | None, ...]]:
        found = self.entry.get("values", {})
        if not isinstance(found, dict):
            self.wrong(words(N_("这里要写成“编码: 数值”的形式")), "values")
            return {}
        known = {indicator.code: indicator for indicator in self.scheme.indicators}
        for code in found.keys() - known.keys():
            self.wrong(_unknown(code), "values", str(code))
        due = {code: known[code] for code in found if code in known and known[code].is_due(quarter)}
        return {
            code: (self.value(indicator, found[code]),) for code, indicator in due.items() if code not in not_applicable
        }

    def value(self, indicator: Indicator, found: object) -> Value | None:
        try:
            return None if found is None else _value(indicator.kind, found)
        except Wrong as error:
            self.wrong(error.words, "values", indicator.code)
            return None


def _unknown(code: object) -> Words:
    return words(N_("指标体系里没有编码“{code}”"), code=str(code)[:64])


def _value(kind: Kind, found: object) -> Value:
    """What an indicator of this kind takes: true or false, [num, den], or a number."""
    if kind is Kind.BOOLEAN:
        if not isinstance(found, bool):
            raise Wrong(words(N_("这项指标要写 true 或 false")))
        return found
    if kind is Kind.RATIO:
        if not isinstance(found, list | tuple) or len(found) != 2:
            raise Wrong(words(N_("比率要写成 [分子, 分母]")))
        return Ratio(not_negative(found[0]), not_negative(found[1]))
    return not_negative(found)

"""Published assessment tables (考核细则) as data: compute every printed vector, and warn of sums that do not add up."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tenants.scoring.rules import plain
from tenants.words import N_, Words, words

NOTHING = Fraction(0)
MAX_FORMULA = 300
MAX_PARENTHESES = 30
Facts = Mapping[str, Any]
Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """One vector that did not come out, or one part of the file that cannot be read; `where` is “R04 tests 2”."""

    where: str
    words: Words


@dataclass(frozen=True, slots=True)
class TablesReport:
    """`passed` of `total` vectors came out exactly."""

    passed: int
    total: int
    failures: tuple[Failure, ...]
    warnings: tuple[Words, ...]

    @property
    def is_exact(self) -> bool:
        return not self.failures


class TableError(ValueError):
    """A part of the file that cannot be computed, said for people."""

    def __init__(self, said: Words) -> None:
        self.words = said
        super().__init__(str(said))


def number(value: object) -> Fraction:
    """An exact number of the file; a yes or no counts 1 or 0, a binary float is refused."""
    if not isinstance(value, bool | int | Decimal) or (isinstance(value, Decimal) and not value.is_finite()):
        raise TableError(words(N_("“{found}”不是数字"), found=str(value)[:40]))
    return Fraction(value)


def show(exact: Fraction) -> str:
    """A number as a person writes it; one that never ends, as a fraction."""
    as_decimal = Decimal(exact.numerator) / Decimal(exact.denominator)
    return plain(as_decimal) if Fraction(as_decimal) == exact else f"{exact.numerator}/{exact.denominator}"


# ---- one item ------------------------------------------------------------------------------------------------------


def _per_month(rule: Rule, n: Fraction) -> Fraction:
    return number(rule["pts"]) * max(NOTHING, n - number(rule.get("grace", 0)))


def _below_target(rule: Rule, n: Fraction) -> Fraction:
    return number(rule["pts"]) * max(NOTHING, number(rule["target"]) - n)


def _in_range(rule: Rule, n: Fraction) -> Fraction:
    """What the assessor took off: nothing, or something between the printed ends."""
    if n and not number(rule["lo"]) <= n <= number(rule["hi"]):
        raise TableError(
            words(N_("“{rule}”扣 {points} 分，不在印出的范围内"), rule=str(rule.get("id")), points=show(n))
        )
    return n


def _steps(rule: Rule, n: Fraction) -> Fraction:
    """Whole steps above the target add, below it take off."""
    distance, step = n - number(rule["target"]), number(rule["step"])
    whole = abs(distance) // step
    return number(rule["pts"]) * (whole if distance > 0 else -whole)


# Points that a rule adds (positive) or takes off (negative), before its own cap.
CHANGES: dict[str, Callable[[Rule, Fraction], Fraction]] = {
    "once": lambda rule, n: -number(rule["pts"]) if n else NOTHING,
    "per_event": lambda rule, n: -number(rule["pts"]) * n,
    "per_missing": lambda rule, n: -_below_target(rule, n),
    "per_pp": lambda rule, n: -_below_target(rule, n),
    "per_month": lambda rule, n: -_per_month(rule, n),
    "range": lambda rule, n: -_in_range(rule, n),
    "gain_per": lambda rule, n: number(rule["pts"]) * n,
    "two_way_step": _steps,
    "zero": lambda rule, n: NOTHING,
    "note": lambda rule, n: NOTHING,
}


def change(rule: Rule, fact: object) -> Fraction:
    """What one rule does to its item, within the rule's own cap."""
    kind = rule.get("type")
    if not isinstance(kind, str) or kind not in CHANGES:
        raise TableError(words(N_("不认识计分规则“{kind}”"), kind=str(kind)[:40]))
    points = CHANGES[kind](rule, number(fact))
    if rule.get("cap") is None:
        return points
    cap = number(rule["cap"])
    return max(-cap, min(cap, points))


def item_result(item: Mapping[str, Any], facts: Facts) -> Fraction:
    """The points of one item: its own (or its level's), changed by each rule that a fact is given for, at least 0."""
    rules = {str(rule.get("id")): rule for rule in item.get("rules", ())}
    level = _level(item, facts)
    for name in facts:
        if name not in rules and facts[name] != level:
            raise TableError(words(N_("这一项没有名为“{name}”的规则"), name=str(name)[:40]))
    told = [(rule, facts[name]) for name, rule in rules.items() if name in facts and rule.get("type") != "levels"]
    start = number(item["points"]) if level is None else number(_levels(item)[level])
    result = start + sum((change(rule, fact) for rule, fact in told), NOTHING)
    is_shut = any(rule["type"] == "zero" and number(fact) for rule, fact in told)
    return NOTHING if is_shut else max(NOTHING, result)


def _levels(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Points by level name, printed beside the item or as a rule of its own."""
    of_rules = (rule["levels"] for rule in item.get("rules", ()) if rule.get("type") == "levels")
    found: Mapping[str, Any] = item.get("levels") or next(of_rules, {})
    return found


def _level(item: Mapping[str, Any], facts: Facts) -> str | None:
    """The level that the facts name, if any."""
    named = next((fact for fact in facts.values() if isinstance(fact, str)), None)
    if named is not None and named not in _levels(item):
        raise TableError(words(N_("这一项没有“{level}”这一档"), level=named[:40]))
    return named


# ---- formulas ------------------------------------------------------------------------------------------------------

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([^\W\d]\w*)|([-+*/(),]))")
FUNCTIONS: dict[str, Callable[[Iterable[Fraction]], Fraction]] = {"min": min, "max": max}


def evaluate(formula: str, values: Mapping[str, Any]) -> Fraction:
    """Plain arithmetic (+ - * / min max, parentheses) over decimals and named values, exactly; never run as code."""
    if len(formula) > MAX_FORMULA or formula.count("(") > MAX_PARENTHESES:
        raise TableError(words(N_("算式太长或括号太多")))
    reader = _Reader(_tokens(formula), values)
    result = reader.sum()
    if reader.peek() is not None:
        raise TableError(_unexpected(reader.peek()))
    return result


def _tokens(formula: str) -> list[str]:
    found: list[str] = []
    rest = formula.rstrip()
    while rest:
        match = TOKEN.match(rest)
        if match is None:
            raise TableError(_unexpected(rest.lstrip()[0]))
        found.append(match[0].strip())
        rest = rest[match.end() :]
    return found


def _unexpected(token: str | None) -> Words:
    return words(N_("算式写到“{token}”这里读不下去"), token=Words(token) if token else words(N_("末尾")))


class _Reader:
    """Recursive descent: a sum of products of signed terms."""

    def __init__(self, tokens: list[str], values: Mapping[str, Any]) -> None:
        self.tokens = tokens
        self.values = values

    def peek(self) -> str | None:
        return self.tokens[0] if self.tokens else None

    def take(self, wanted: str | None = None) -> str:
        if not self.tokens or wanted not in (None, self.tokens[0]):
            raise TableError(_unexpected(self.peek()))
        return self.tokens.pop(0)

    def sum(self) -> Fraction:
        result = self.product()
        while self.peek() in ("+", "-"):
            result = result + self.product() if self.take() == "+" else result - self.product()
        return result

    def product(self) -> Fraction:
        result = self.term()
        while self.peek() in ("*", "/"):
            result = result * self.term() if self.take() == "*" else self.divided(result)
        return result

    def divided(self, dividend: Fraction) -> Fraction:
        divisor = self.term()
        if not divisor:
            raise TableError(words(N_("算式里除以了 0")))
        return dividend / divisor

    def term(self) -> Fraction:
        sign = 1
        while self.peek() in ("+", "-"):
            sign = -sign if self.take() == "-" else sign
        return sign * self.atom(self.take())

    def atom(self, token: str) -> Fraction:
        if token == "(":
            result = self.sum()
            self.take(")")
            return result
        if token[0].isdigit():
            return Fraction(token)
        if token in FUNCTIONS and self.peek() == "(":
            return FUNCTIONS[token](self.arguments())
        return self.named(token)

    def arguments(self) -> list[Fraction]:
        self.take("(")
        found = [self.sum()]
        while self.peek() == ",":
            self.take()
            found.append(self.sum())
        self.take(")")
        return found

    def named(self, token: str) -> Fraction:
        if token not in self.values:
            raise TableError(_unexpected(token))
        return number(self.values[token])


# ---- the vectors of a file -----------------------------------------------------------------------------------------

Table = Mapping[str, Any]
Vector = Mapping[str, Any]


def _item_vector(table: Table, vector: Vector) -> tuple[str, str]:
    """(computed, expected) of one row of `tests`."""
    return show(item_result(find_item(table, str(vector["item"])), vector["facts"])), show(number(vector["expect"]))


def find_item(table: Table, name: str) -> Mapping[str, Any]:
    """An item by its number, or by section and number (“班子健全/1”) where numbers repeat."""
    found: list[Mapping[str, Any]] = [
        item
        for section in table["sections"]
        for item in section.get("items", ())
        if name in (str(item["item_no"]), f"{section['name']}/{item['item_no']}")
    ]
    if len(found) != 1:
        text = (
            N_("表中有 {count} 个编号为“{name}”的项，请写成“部分名/编号”")
            if found
            else N_("表中没有编号为“{name}”的项")
        )
        raise TableError(words(text, count=len(found), name=name[:40]))
    return found[0]


def _formula_vector(table: Table, vector: Vector) -> tuple[str, str]:
    return show(evaluate(table["formula"], vector["values"])), show(number(vector["expect"]))


def _band_vector(table: Table, vector: Vector) -> tuple[str, str]:
    score = number(vector["score"])
    reached = [band for band in table["bands"] if number(band["min"]) <= score]
    if not reached:
        raise TableError(words(N_("{score} 分不在任何一档"), score=show(score)))
    return str(max(reached, key=lambda band: number(band["min"]))["zh"]), str(vector["expect"])


VECTORS: dict[str, Callable[[Table, Vector], tuple[str, str]]] = {
    "tests": _item_vector,
    "formula_tests": _formula_vector,
    "band_tests": _band_vector,
}


def check(data: object) -> TablesReport:
    """Run every vector of the parsed file; what cannot be read is a failure in the report, never an exception."""
    tables = data.get("tables") if isinstance(data, Mapping) else None
    if not isinstance(tables, list):
        return TablesReport(0, 0, (Failure("tables", words(N_("文件里没有 tables 列表"))),), ())
    outcomes = [outcome for index, table in enumerate(tables) for outcome in _outcomes(_name(table, index), table)]
    failures = tuple(failure for _, failure in outcomes if failure is not None)
    total = sum(is_vector for is_vector, _ in outcomes)
    failed = sum(is_vector and failure is not None for is_vector, failure in outcomes)
    warnings, unreadable = _warnings(tables)
    return TablesReport(total - failed, total, failures + unreadable, warnings)


def _name(table: object, index: int) -> str:
    return str(table["id"])[:40] if isinstance(table, Mapping) and "id" in table else f"tables.{index}"


def _outcomes(name: str, table: object) -> Iterator[tuple[bool, Failure | None]]:
    """(is it a vector, its failure) for each vector of one table, and once for a table that cannot be read."""
    if not isinstance(table, Mapping):
        yield False, Failure(name, _unreadable())
        return
    for kind, compute in VECTORS.items():
        vectors = table.get(kind) or []
        if not isinstance(vectors, list):
            yield False, Failure(f"{name} {kind}", _unreadable())
            continue
        for index, vector in enumerate(vectors, start=1):
            yield True, _run(f"{name} {kind} {index}", compute, table, vector)


def _run(
    where: str, compute: Callable[[Table, Vector], tuple[str, str]], table: Table, vector: Vector
) -> Failure | None:
    try:
        found, wanted = compute(table, vector)
    except TableError as error:
        return Failure(where, error.words)
    except (KeyError, TypeError, AttributeError, ArithmeticError):
        return Failure(where, _unreadable())
    if found == wanted:
        return None
    return Failure(where, words(N_("应为 {wanted}，算得 {found}"), wanted=wanted, found=found))


def _unreadable() -> Words:
    return words(N_("这里缺少内容或写法不对，无法计算"))


# ---- sums that do not add up ---------------------------------------------------------------------------------------


def _warnings(tables: list[Any]) -> tuple[tuple[Words, ...], tuple[Failure, ...]]:
    warnings: list[Words] = []
    failures: list[Failure] = []
    for index, table in enumerate(tables):
        try:
            warnings.extend(sum_warnings(table))
        except TableError as error:
            failures.append(Failure(f"{_name(table, index)} sections", error.words))
        except (KeyError, TypeError, AttributeError):
            failures.append(Failure(f"{_name(table, index)} sections", _unreadable()))
    return tuple(warnings), tuple(failures)


def sum_warnings(table: Table) -> Iterator[Words]:
    """One sentence for each section or split item whose visible parts do not add up to the printed points."""
    for section in table.get("sections") or ():
        if not _is_partly_visible(section):
            name = words(N_("“{section}”"), section=str(section["name"]))
            yield from _difference(table, name, section.get("printed_points"), _points(section))
        for item in section.get("items") or ():
            if item.get("split"):
                name = words(N_("第 {item} 项的分解"), item=str(item["item_no"]))
                yield from _difference(table, name, item.get("points"), list(item["split"].values()))


def _is_partly_visible(section: Mapping[str, Any]) -> bool:
    """Says so itself (`ok: null`); any other flag is not believed but recomputed."""
    found = section.get("sum_check") or {}
    return "ok" in found and found["ok"] is None


def _points(section: Mapping[str, Any]) -> list[Any]:
    return section.get("item_points") or [item.get("points") for item in section.get("items") or ()]


def _difference(table: Table, name: Words, printed: Any, parts: list[Any]) -> Iterator[Words]:
    if printed is None or not parts or None in parts:
        return
    wanted, found = number(printed), sum(map(number, parts), NOTHING)
    if wanted != found:
        text = N_(
            "{table}《{title}》{name}印的是 {wanted} 分，各项合计 {found} 分，{direction} {by} 分；请对照原件再定。"
        )
        yield words(
            text,
            table=str(table.get("id", "")),
            title=str(table.get("title", "")),
            name=name,
            wanted=show(wanted),
            found=show(found),
            direction=words(N_("多")) if found > wanted else words(N_("少")),
            by=show(abs(found - wanted)),
        )

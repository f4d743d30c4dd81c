"""What a form asks for and what was answered, in words. Pure."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from tenants.formats import ZONE, day
from tenants.reporting.validation import Entry
from tenants.scoring.rules import amount, measure, plain, said
from tenants.scoring.values import ASKS_FOR_LESS, Accumulate, Indicator, Kind, Method, Ratio
from tenants.words import N_, Words, words

SPANS: dict[Accumulate, str] = {
    Accumulate.IN_QUARTER: N_("本季度"),
    Accumulate.YTD: N_("1 月 1 日至季末累计"),
    Accumulate.SEMESTER: N_("本学期累计"),
    Accumulate.YEAR: N_("本年度累计"),
    Accumulate.SCHOOL_YEAR: N_("本学年累计"),
    Accumulate.SNAPSHOT: N_("季末时的情况"),
}


def span(indicator: Indicator) -> Words:
    """From when to when the value counts."""
    return Words(SPANS[indicator.accumulate])


def asked(indicator: Indicator, quarter: int) -> Words:
    """The target of a quarter as a demand: “不少于 3 次”."""
    target = indicator.target_in(quarter)
    if target is None:
        return words(N_("本季度不考核"))
    if isinstance(target, bool):
        return words(N_("应为{target}"), target=said(indicator, target))
    if indicator.checklist:
        return words(N_("应齐备 {count} 项"), count=len(indicator.checklist))
    if indicator.method is Method.OVERDUE:
        return words(N_("不超期；宽限 {grace} 个月"), grace=plain(indicator.grace))
    if indicator.method in ASKS_FOR_LESS and indicator.kind is not Kind.RATIO:
        return words(N_("应为 {target}"), target=said(indicator, target))
    if indicator.unit == "%":
        return words(N_("达到 {target}"), target=said(indicator, target))
    if indicator.kind is Kind.RATIO:
        return words(N_("人均不少于 {target}"), target=said(indicator, target))
    return words(N_("不少于 {target}"), target=said(indicator, target))


def shown(indicator: Indicator, entry: Entry | None) -> Words:
    """An answer as read; “未填” for none."""
    if entry is None or entry.empty:
        return words(N_("未填"))
    if entry.na_reason:
        return words(N_("不适用：{reason}"), reason=entry.na_reason)
    if entry.ticked is not None:
        return _ticked(indicator, entry.ticked)
    if isinstance(entry.value, bool):
        return words(N_("是")) if entry.value else words(N_("否"))
    return said(indicator, entry.value)


def brief(indicator: Indicator, entry: Entry | None) -> Words:
    """The same where a ratio's parts are named already: “100%（100/100）”."""
    value = entry.value if entry else None
    if not isinstance(value, Ratio):
        return shown(indicator, entry)
    return words(
        N_("{share}（{num}/{den}）"), share=share(indicator, value), num=plain(value.num), den=plain(value.den)
    )


def _ticked(indicator: Indicator, ticked: tuple[str, ...]) -> Words:
    if not ticked:
        return words(N_("以上均无"))
    text = N_("{count}/{total} 项：{items}")
    return words(text, count=len(ticked), total=len(indicator.checklist), items="、".join(ticked))


def share(indicator: Indicator, value: Ratio) -> Words:
    """A ratio's quotient in the indicator's unit; a dash when there is none."""
    return measure(indicator, amount(value)) if value.den else Words("—")


def change(indicator: Indicator, before: Entry | None, entry: Entry | None) -> Words | None:
    """What differs from the quarter before: “增加 2 次”; None when nothing does, or nothing can be compared."""
    if before is None or before.empty or entry is None or entry == before:
        return None
    old, new = _size(before), _size(entry)
    if old is None or new is None or isinstance(entry.value, bool):
        return words(N_("由“{before}”改为“{now}”"), before=shown(indicator, before), now=shown(indicator, entry))
    if old == new:
        return None
    gap = _gap(indicator, abs(new - old))
    return words(N_("增加 {gap}"), gap=gap) if new > old else words(N_("减少 {gap}"), gap=gap)


def _gap(indicator: Indicator, gap: Fraction) -> Words:
    if indicator.unit == "%":
        rounded = Decimal(gap.numerator * 100) / Decimal(gap.denominator)
        return words(N_("{number} 个百分点"), number=plain(rounded.quantize(Decimal("0.01"))))
    return measure(indicator, gap)


def _size(entry: Entry) -> Fraction | None:
    """The answer as one number, where it is one."""
    if entry.ticked is not None:
        return Fraction(len(entry.ticked))
    if entry.value is None or (isinstance(entry.value, Ratio) and not entry.value.den):
        return None
    return amount(entry.value)


def last_day(moment: datetime) -> date:
    """The last day before `moment` in the district's zone: a deadline at midnight belongs to the day that ends."""
    return (moment - timedelta(microseconds=1)).astimezone(ZONE).date()


def deadline(moment: datetime) -> Words:
    """`2026 年 7 月 10 日（周五）24:00`, so that nobody is a day off."""
    local = moment.astimezone(ZONE)
    clock = "24:00" if (local.hour, local.minute) == (0, 0) else f"{local:%H:%M}"
    return words(N_("{day} {clock}"), day=day(last_day(moment)), clock=clock)


def days_left(moment: datetime, now: datetime) -> int:
    """Whole days to the deadline's day; 0 on the day itself, negative afterwards."""
    if now >= moment:
        return min(-1, (last_day(moment) - now.astimezone(ZONE).date()).days)
    return (last_day(moment) - now.astimezone(ZONE).date()).days


def countdown(moment: datetime, now: datetime) -> Words:
    left = days_left(moment, now)
    if left > 0:
        return words(N_("距截止 {days} 天"), days=left)
    return words(N_("今天截止")) if left == 0 else words(N_("已过截止 {days} 天"), days=-left)

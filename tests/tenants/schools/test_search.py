"""Names are found by every reading of their characters."""

import pytest

from tenants.schools.actions import is_address, is_phone, search_key

READINGS = [
    ("第三小学", "disanxiaoxue"), ("第三小学", "dsxx"), ("重庆路小学", "chongqingluxiaoxue"), ("重庆路小学", "zhongqinglu"),
    ("曾子小学", "zengzi"), ("曾子小学", "cengzi"), ("单县第一中学", "shanxian"), ("单县第一中学", "danxian"),
    ("乐清中学", "yueqing"), ("乐清中学", "leqing"), ("六安路小学", "luan"), ("六安路小学", "liuan"), ("朴席镇小学", "puxi"),
    ("仇家店中学", "qiujia"), ("仇家店中学", "choujia"), ("解放路小学", "jiefang"), ("解家庄小学", "xiejia"),
    ("厦门路小学", "xiamen"), ("大厦小学", "dasha"), ("铅山中学", "yanshan"), ("铅山中学", "qianshan"), ("蚌埠路小学", "bengbu"),
    ("台州学院附属实验中学", "taizhou"), ("查家桥小学", "zha"), ("查家桥小学", "cha"), ("长乐路幼儿园", "changle"),
    ("行知小学", "xingzhi"), ("行知小学", "hangzhi"), ("会稽山小学", "kuaiji"), ("洞庭第二十一中学附属实验学校", "dongting"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "typed"), READINGS)
def test_every_reading_is_in_the_key(name: str, typed: str) -> None:
    assert any(form.startswith(typed) for form in search_key(name).split())


def test_key_stays_small_and_lower_case() -> None:
    key = search_key("行行重行行长长朝朝大乐学校ABC", "行校")
    assert len(key) < 12_000 and key == key.lower()


@pytest.mark.parametrize("text", ["a@b.cn", "wang.li+x@edu.example.cn", "a_b-c%d@x-y.org"])
def test_addresses_that_are(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", "@b.cn", "a@", "a@b", "a@b@c.cn", "a b@c.cn", "a@b.cn\nBcc: x", "张@b.cn", "a@b.cn,c@d.cn", "<a@b.cn>"],
)
def test_addresses_that_are_not(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("13812345678", True),
        ("021-1234 5678", True),
        ("(0571) 8888-8888", True),
        ("12345", True),
        ("打给我", False),
        ("١٢٣٤٥", False),
        ("12", False),
        ("1" * 30, False),
    ],
)
def test_phones(text: str, good: bool) -> None:
    assert is_phone(text) is good

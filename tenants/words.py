"""Sentences that people read, kept apart from the values they speak of until a language is chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce


def N_(text: str) -> str:
    """Mark `text` (Chinese, the catalogue's source language) for extraction without translating it."""
    return text


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence: a catalogue text with `{name}` places, and what stands in them.

    A parameter may itself be `Words`; whoever speaks translates both.
    """

    text: str
    params: Mapping[str, "str | int | Words"] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text.format(**{name: str(value) for name, value in self.params.items()})


def listed(parts: "Sequence[Words]") -> "Words":
    """Several sentences or names as one enumeration; at least one."""
    return reduce(lambda head, last: words(N_("{head}、{last}"), head=head, last=last), parts)


def words(text: str, **params: "str | int | Words") -> Words:
    """`Words` without the dictionary; `text` is extracted for translation."""
    return Words(text, params)

"""Who may come in by which door. Denied unless declared: the application does not start with an undeclared route."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask

from tenants.scope import RIGHTS, Right, Role, Scope

V = TypeVar("V", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Policy:
    """`public`, or signed in with any of `rights` (an empty set: any signed-in person)."""

    public: bool = False
    rights: frozenset[Right] = frozenset()

    def __str__(self) -> str:
        if self.public:
            return "public"
        return "any of: " + ", ".join(sorted(self.rights)) if self.rights else "signed in"

    def admits(self, scope: Scope) -> bool:
        return self.public or not self.rights or any(scope.can(right) for right in self.rights)

    def roles(self) -> tuple[Role, ...]:
        """Who holds one of the rights: what a refusal names."""
        return tuple(role for role in Role if role is not Role.JOB and RIGHTS[role] & self.rights)


PUBLIC = Policy(public=True)
SIGNED_IN = Policy()


def needs(*rights: Right) -> Policy:
    return Policy(rights=frozenset(rights))


def access(policy: Policy) -> Callable[[V], V]:
    """Declare the policy of a view; stands directly above the function, below the route."""

    def declare(view: V) -> V:
        view.__policy__ = policy  # type: ignore[attr-defined]
        return view

    return declare


@dataclass(frozen=True, slots=True)
class Route:
    rule: str
    methods: tuple[str, ...]
    endpoint: str
    policy: Policy


def routes(app: Flask, foreign: dict[str, Policy]) -> Iterator[Route]:
    """Every route with its policy; `foreign` names endpoints whose functions are not ours. RuntimeError for a gap."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        policy = getattr(view, "__policy__", None) or foreign.get(rule.endpoint)
        if policy is None:
            raise RuntimeError(f"no policy declared for {rule.rule} ({rule.endpoint})")
        yield Route(rule.rule, tuple(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})), rule.endpoint, policy)

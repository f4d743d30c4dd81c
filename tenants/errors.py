"""The one root of everything that the domain refuses; `web/errors.py` maps each class to a status and a page."""

from collections.abc import Mapping

from tenants.words import N_, Words, words


class LinghangError(Exception):
    """A refusal that a person can read: `words` says what, where and how to mend it."""

    def __init__(self, said: Words | str) -> None:
        self.words = said if isinstance(said, Words) else Words(said)
        super().__init__(str(self.words))


class NotFound(LinghangError):
    """There is no such thing within the caller's scope: the answer a stranger gets too."""

    SAID = N_("没有找到您要的内容，它可能已被移走，或不在您的权限范围内。")

    def __init__(self, said: Words | str = SAID) -> None:
        super().__init__(said)


class Forbidden(LinghangError):
    """The caller may see it but has not the right to do this."""

    SAID = N_("您的账号没有办理这件事的权限，请联系本单位管理员。")

    def __init__(self, said: Words | str = SAID) -> None:
        super().__init__(said)


class Conflict(LinghangError):
    """The thing has changed meanwhile, or is in a state that does not allow this."""


class Invalid(LinghangError):
    """Input that cannot be taken: `problems` maps a field's name to its sentence."""

    def __init__(self, problems: Mapping[str, Words], said: Words | None = None) -> None:
        self.problems = dict(problems)
        super().__init__(said or words(N_("有 {count} 处需要更正，其余已保留。"), count=len(self.problems)))


class NotReady(LinghangError):
    """The environment lacks something: a setting, a database, a directory."""


class ScopeError(RuntimeError):
    """A programming fault: a statement over owned rows that no scope has marked. Never shown, always raised."""

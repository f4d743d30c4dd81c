"""Reading scheme versions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from tenants.db import session
from tenants.errors import NotFound
from tenants.schemes.format import scheme_from_data
from tenants.schemes.models import SchemeVersion
from tenants.scope import Scope
from tenants.scoring.values import Scheme

_PARSED: dict[str, Scheme] = {}
"""Parsed schemes by the digest of their content; one content is parsed once in a process."""


@dataclass(frozen=True, slots=True)
class VersionView:
    id: UUID
    code: str
    version: str
    name: str
    sha256: str
    created_at: datetime
    published_at: datetime | None


def versions(scope: Scope) -> tuple[VersionView, ...]:
    """The district's scheme versions, newest first."""
    rows = session().scalars(scope.select(SchemeVersion).order_by(SchemeVersion.created_at.desc()))
    return tuple(
        VersionView(row.id, row.code, row.version, row.name, row.sha256, row.created_at, row.published_at)
        for row in rows
    )


def scheme_of(scope: Scope, version_id: UUID) -> Scheme:
    """The scheme of a version; its content is read only the first time that this process sees its digest."""
    sha256 = digest_of(scope, version_id)
    if sha256 not in _PARSED:
        content = session().scalar(
            scope.over(sa.select(SchemeVersion.content).where(SchemeVersion.id == version_id), SchemeVersion)
        )
        _PARSED[sha256] = scheme_from_data(content or {})
    return _PARSED[sha256]


def digest_of(scope: Scope, version_id: UUID) -> str:
    """SHA-256 of the version's canonical content, hex."""
    sha256 = session().scalar(
        scope.over(sa.select(SchemeVersion.sha256).where(SchemeVersion.id == version_id), SchemeVersion)
    )
    if sha256 is None:
        raise NotFound
    return sha256

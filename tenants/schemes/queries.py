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

_PUBLISHED: dict[tuple[UUID | None, UUID], Scheme] = {}
"""Published schemes by district and version; only a scope of that district finds them."""


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
    """The scheme of a version; a published one, which never changes, is read once by a process for each district."""
    known = _PUBLISHED.get((scope.district_id, version_id))
    if known is not None:
        return known
    row = session().scalar(scope.select(SchemeVersion).where(SchemeVersion.id == version_id))
    if row is None:
        raise NotFound
    found = scheme_from_data(row.content)
    if row.published_at is not None and row.district_id == scope.district_id:
        _PUBLISHED[row.district_id, version_id] = found
    return found


def digest_of(scope: Scope, version_id: UUID) -> str:
    """SHA-256 of the version's canonical content, hex."""
    sha256 = session().scalar(
        scope.over(sa.select(SchemeVersion.sha256).where(SchemeVersion.id == version_id), SchemeVersion)
    )
    if sha256 is None:
        raise NotFound
    return sha256

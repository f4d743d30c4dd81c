"""Taking a scheme into a district."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from tenants import audit
from tenants.db import session
from tenants.errors import Conflict
from tenants.schemes.format import load_scheme, scheme_to_data
from tenants.schemes.models import SchemeVersion
from tenants.scope import Right, Scope
from tenants.scoring.canonical import canonical, digest
from tenants.words import N_, words


def import_scheme(scope: Scope, text: str, now: datetime) -> UUID:
    """Read a scheme file and publish it as a version of the district, frozen from then on.

    The same content again gives the version that is there; other content under the same version is a Conflict.
    """
    scope.require(Right.MANAGE)
    scheme = load_scheme(text)
    content = scheme_to_data(scheme)
    sha256 = digest(canonical(content))
    same = scope.select(SchemeVersion).where(SchemeVersion.code == scheme.code, SchemeVersion.version == scheme.version)
    known = session().scalar(same)
    if known is not None:
        if known.sha256 == sha256:
            return known.id
        raise Conflict(
            words(
                N_("指标体系 {code} 的 {version} 版已经发布，内容不能再改；请把文件里的 version 改成新的版本号。"),
                code=scheme.code,
                version=scheme.version,
            )
        )
    row = SchemeVersion(
        district_id=scope.district, code=scheme.code, version=scheme.version, name=scheme.name_zh, content=content,
        sha256=sha256, created_at=now, published_at=now,
    )  # fmt: skip
    session().add(row)
    session().flush()
    audit.record(scope, "publish", "scheme", row.id, new={"version": scheme.version, "sha256": sha256}, now=now)
    return row.id


def newest_version(scope: Scope) -> UUID | None:
    """The version that new quarters are bound to: the one published last."""
    return session().scalar(
        scope.over(
            sa.select(SchemeVersion.id)
            .where(SchemeVersion.published_at.is_not(None))
            .order_by(SchemeVersion.published_at.desc(), SchemeVersion.id.desc())
            .limit(1),
            SchemeVersion,
        )
    )

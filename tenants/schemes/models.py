"""Rows of indicator schemes (指标体系)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from tenants.db import Base, DistrictOwned, id_column


class SchemeVersion(Base, DistrictOwned):
    """One version of a scheme, whole, as data of `schemes/format`; a trigger refuses any change once it is published."""

    __tablename__ = "scheme_version"
    __table_args__ = (sa.UniqueConstraint("district_id", "code", "version"),)

    id: Mapped[UUID] = id_column()
    code: Mapped[str]
    version: Mapped[str]
    name: Mapped[str]
    content: Mapped[dict[str, Any]]
    sha256: Mapped[str] = mapped_column(comment="of the canonical content, hex")
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]

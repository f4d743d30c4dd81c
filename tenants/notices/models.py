"""Rows of the mail outbox."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from tenants.db import Base, DistrictOwned, EnumType, id_column
from tenants.quarter import Quarter


class Rule(StrEnum):
    """Why a mail is sent; each has three templates in `jobs/templates`."""

    REMINDER = "reminder"
    OVERDUE = "overdue"
    RETURNED = "returned"
    PUBLISHED = "published"
    RED_DIGEST = "red_digest"
    INVITATION = "invitation"


class MailState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class Mail(Base, DistrictOwned):
    """One mail to one person for one cause: the unique key makes a second one impossible."""

    __tablename__ = "mail"
    __table_args__ = (
        sa.UniqueConstraint(
            "district_id", "rule", "school_id", "quarter", "account_id", "cause", postgresql_nulls_not_distinct=True
        ),
        sa.ForeignKeyConstraint(["district_id", "school_id"], ["school.district_id", "school.id"]),
        sa.Index("ix_mail_next_try_at", "next_try_at", postgresql_where=sa.text("state = 'waiting'")),
    )

    id: Mapped[UUID] = id_column()
    school_id: Mapped[UUID | None]
    rule: Mapped[Rule] = mapped_column(EnumType(Rule))
    quarter: Mapped[Quarter | None]
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"))
    cause: Mapped[str] = mapped_column(
        comment="which state change: T-3, the round of a return, a publication's version"
    )
    address: Mapped[str] = mapped_column(comment="the recipient's address when it was written")
    facts: Mapped[dict[str, Any]] = mapped_column(comment="what the mail tells; of the recipient's own school only")
    message_id: Mapped[str]
    state: Mapped[MailState] = mapped_column(EnumType(MailState), server_default=MailState.WAITING.value)
    created_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(server_default="")
    subject: Mapped[str] = mapped_column(server_default="", comment="as first rendered; a retry sends the same")
    text: Mapped[str] = mapped_column(server_default="")
    html: Mapped[str] = mapped_column(server_default="")

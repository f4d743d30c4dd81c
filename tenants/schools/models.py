"""Rows of cities, districts, schools, branches (党支部), people and their sign-ins."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from tenants.db import Base, DistrictOwned, EnumType, SchoolOwned, id_column, of_school
from tenants.scope import Role
from tenants.words import N_


class Stage(StrEnum):
    """What is taught: 学段."""

    KINDERGARTEN = "kindergarten"
    PRIMARY = "primary"
    JUNIOR = "junior"
    NINE_YEAR = "nine_year"
    SENIOR = "senior"
    COMPLETE = "complete"
    VOCATIONAL = "vocational"
    SPECIAL = "special"


STAGE_NAMES: dict[Stage, str] = {
    Stage.KINDERGARTEN: N_("幼儿园"),
    Stage.PRIMARY: N_("小学"),
    Stage.JUNIOR: N_("初中"),
    Stage.NINE_YEAR: N_("九年一贯制学校"),
    Stage.SENIOR: N_("高中"),
    Stage.COMPLETE: N_("完全中学"),
    Stage.VOCATIONAL: N_("中职学校"),
    Stage.SPECIAL: N_("特殊教育学校"),
}


class OrgKind(StrEnum):
    """The school's Party organisation: 党委 (100 members and more), 党总支 (over 50), 党支部."""

    COMMITTEE = "committee"
    GENERAL_BRANCH = "general_branch"
    BRANCH = "branch"


ORG_KIND_NAMES: dict[OrgKind, str] = {
    OrgKind.COMMITTEE: N_("党委"),
    OrgKind.GENERAL_BRANCH: N_("党总支"),
    OrgKind.BRANCH: N_("党支部"),
}


class Disclosure(StrEnum):
    """What a school learns of the others when a quarter is published."""

    FULL = "full"
    OWN = "own"
    TIERS = "tiers"


DISCLOSURE_NAMES: dict[Disclosure, str] = {
    Disclosure.FULL: N_("公布全部名次"),
    Disclosure.OWN: N_("各校只看本校名次"),
    Disclosure.TIERS: N_("只公布分档名单"),
}


class City(Base):
    """A city above several districts; its viewers see published results only."""

    __tablename__ = "city"

    id: Mapped[UUID] = id_column()
    name: Mapped[str] = mapped_column(unique=True)


class District(Base):
    """A customer: the district's 教育工委."""

    __tablename__ = "district"
    __owner__: ClassVar[str] = "district_itself"

    id: Mapped[UUID] = id_column()
    city_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("city.id"))
    code: Mapped[str] = mapped_column(unique=True, comment="lower-case letters and digits; begins every sign-in name")
    name: Mapped[str]
    office: Mapped[str] = mapped_column(comment="who signs mails: 中共某某区委教育工委")
    zone: Mapped[str] = mapped_column(server_default="Asia/Shanghai")
    disclosure: Mapped[Disclosure] = mapped_column(EnumType(Disclosure), server_default=Disclosure.OWN.value)
    contact_name: Mapped[str] = mapped_column(server_default="")
    contact_phone: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class School(Base, DistrictOwned):
    """A tenant."""

    __tablename__ = "school"
    __owner__: ClassVar[str] = "school"
    __school_column__: ClassVar[str] = "id"
    __table_args__ = (sa.UniqueConstraint("district_id", "code"),)

    id: Mapped[UUID] = id_column()
    code: Mapped[str] = mapped_column(comment="学校标识码, ten digits as text")
    name: Mapped[str]
    short_name: Mapped[str] = mapped_column(server_default="")
    stage: Mapped[Stage] = mapped_column(EnumType(Stage))
    org_kind: Mapped[OrgKind] = mapped_column(EnumType(OrgKind))
    group_name: Mapped[str] = mapped_column(server_default="", comment="片区")
    one_leader: Mapped[bool] = mapped_column(server_default=sa.false(), comment="书记校长一人担任")
    position: Mapped[int] = mapped_column(server_default="0", comment="the district's own order")
    pinyin: Mapped[str] = mapped_column(server_default="", comment="every reading and its initials, for search")
    closed_at: Mapped[datetime | None]


class Branch(Base, SchoolOwned):
    """A 党支部 of a school; indicators with scope `branch` have one value for each."""

    __tablename__ = "branch"
    __table_args__ = of_school()

    id: Mapped[UUID] = id_column()
    name: Mapped[str]
    has_committee: Mapped[bool] = mapped_column(server_default=sa.true(), comment="支部设委员会")
    has_groups: Mapped[bool] = mapped_column(server_default=sa.true(), comment="支部划分党小组")
    position: Mapped[int] = mapped_column(server_default="0")
    ended_at: Mapped[datetime | None]


class Account(Base):
    """A person who can sign in, of one district, whose administrators manage it, or of none (operator, city)."""

    __tablename__ = "account"
    __owner__: ClassVar[str] = "account"

    id: Mapped[UUID] = id_column()
    district_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("district.id"))
    login: Mapped[str] = mapped_column(unique=True, comment="lower case; begins with the district's code")
    name: Mapped[str]
    email: Mapped[str] = mapped_column(server_default="")
    phone: Mapped[str] = mapped_column(server_default="")
    password_hash: Mapped[str] = mapped_column(
        server_default="", comment="Argon2id; empty until the invitation is used"
    )
    password_at: Mapped[datetime | None]
    locale: Mapped[str] = mapped_column(server_default="zh")
    operator: Mapped[bool] = mapped_column(server_default=sa.false())
    city_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("city.id"), comment="set for a city's viewer")
    demo: Mapped[bool] = mapped_column(server_default=sa.false(), comment="production refuses to start while one lives")
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class Membership(Base, DistrictOwned):
    """A post: what an account is in a district or in one of its schools."""

    __tablename__ = "membership"
    __table_args__ = (
        sa.ForeignKeyConstraint(["district_id", "school_id"], ["school.district_id", "school.id"]),
        sa.ForeignKeyConstraint(["district_id", "own_school_id"], ["school.district_id", "school.id"]),
        sa.Index("ix_membership_account_id", "account_id"),
    )

    id: Mapped[UUID] = id_column()
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"))
    role: Mapped[Role] = mapped_column(EnumType(Role))
    school_id: Mapped[UUID | None]
    own_school_id: Mapped[UUID | None] = mapped_column(comment="a reviewer's own school, which they never review")
    ended_at: Mapped[datetime | None]


class LoginSession(Base):
    """One sign-in, by the hash of its token; ended at sign-out, password change, disabling and change of rights."""

    __tablename__ = "login_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"), index=True)
    district_id: Mapped[UUID | None] = mapped_column(comment="of the post in use")
    membership_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(server_default="")


class Purpose(StrEnum):
    INVITE = "invite"
    RESET = "reset"
    SETUP = "setup"


class CredentialLink(Base):
    """A one-time link or code, by its hash: an invitation, a password reset, or the installation's first operator."""

    __tablename__ = "credential_link"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("account.id"), index=True)
    purpose: Mapped[Purpose] = mapped_column(EnumType(Purpose))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Attempt(Base):
    """Counted tries in a window, by key (account or address): the throttle of sign-in."""

    __tablename__ = "attempt"

    key: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]

"""Configuration: one frozen object, read from the environment once; every wrong variable is named at start."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tenants.errors import NotReady
from tenants.words import N_, words

APP_ROLE = "linghang_app"
MEGABYTE = 1024 * 1024


class Mode(StrEnum):
    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


class Settings(BaseSettings):
    """What an installation may set. Names are the environment's variables, upper or lower case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    linghang_mode: Mode = Mode.PRODUCTION
    database_url: str = Field(
        "", description="owner's address: migrations, and everything when app_database_url is empty"
    )
    app_database_url: str = Field("", description="address of the role that owns nothing; used by web and worker")
    data_dir: Path = Field(
        Path(".data"), description="evidence files, and the private database cluster if there is one"
    )
    secret_key: SecretStr = SecretStr("")
    public_base_url: str = Field("http://127.0.0.1:8000", description="how people reach the service; links in mails")
    port: int = Field(8000, ge=1, le=65535)
    host: str = "127.0.0.1"
    web_workers: int = Field(2, ge=1, le=64)
    smtp_url: str = Field(
        "console:", description="smtp://user:password@host:25, smtps://…:465, smtp+starttls://…, or console:"
    )
    mail_from: str = "linghang@localhost"
    upload_limit_mb: int = Field(20, ge=1, le=200)
    flask_debug: bool = False

    @field_validator("database_url", "app_database_url")
    @classmethod
    def _psycopg(cls, url: str) -> str:
        for scheme in ("postgres://", "postgresql://"):
            if url.startswith(scheme):
                return "postgresql+psycopg://" + url.removeprefix(scheme)
        if url and not url.startswith("postgresql+psycopg://"):
            raise ValueError("must begin with postgresql://")
        return url

    @model_validator(mode="after")
    def _strong_in_production(self) -> Self:
        if self.linghang_mode is not Mode.PRODUCTION:
            return self
        key = self.secret_key.get_secret_value()
        if len(key) < 32 or len(set(key)) < 12:
            raise ValueError("SECRET_KEY: set at least 32 random characters; `linghang init` prints a fresh one")
        if self.flask_debug:
            raise ValueError("FLASK_DEBUG: must be off in production")
        return self

    @property
    def tls(self) -> bool:
        """Whether people come by https, and cookies may be Secure and carry the __Host- prefix."""
        return self.public_base_url.startswith("https://")

    @property
    def evidence_dir(self) -> Path:
        return self.data_dir / "evidence"


def read_settings(**given: object) -> Settings:
    """Settings from the environment; NotReady names each variable that is missing or wrong."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "；".join(
            f"{'.'.join(str(part) for part in fault['loc']).upper()} {fault['msg']}".strip() for fault in error.errors()
        )
        raise NotReady(words(N_("配置有误，请更正环境变量后再启动：{faults}"), faults=faults)) from error

"""Read the settings of this machine from the environment: where files are, and how much of it may be used.

No other module reads the environment.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import ByteSize, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from warehouse.errors import Refused
from warehouse.impairment_settings import ImpairmentSettings
from warehouse.intake.feeds import FEEDS
from warehouse.intake.mapping import known_zone

_PASSWORD = re.compile(r"\bpassword\s*=|://[^/@]*:[^/@]*@")
_SIZE = r"^\d+(\.\d+)? ?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> str:
    try:
        mebibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (AttributeError, ValueError, OSError):  # pragma: no cover  (no sysconf on this system)
        mebibytes = 4096
    return f"{min(3072, int(mebibytes * 0.6))}MiB"


class Settings(BaseSettings):
    """Settings of this machine with their bounds; each is an environment variable that begins with NIGHTLEDGER_."""

    model_config = SettingsConfigDict(
        env_prefix="NIGHTLEDGER_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    home: Path = Field(default=Path("var"), description="Folder of everything that the platform writes.")
    data_dir: Path | None = Field(
        default=None, description="Folder of the public data sets, if there is one."
    )
    threads: int = Field(
        default_factory=_cores,
        ge=1,
        le=512,
        description="Cores that one process may use, for DuckDB and the model libraries together.",
    )
    memory_limit: str = Field(
        default_factory=_memory, pattern=_SIZE, description="Memory of DuckDB before it spills to disk."
    )
    spill_limit: str = Field(
        default="100GB", pattern=_SIZE, description="Disk space that DuckDB may use to spill."
    )
    file_limit: ByteSize = Field(
        default=ByteSize(20_000_000_000),
        gt=0,
        description="Content of one delivered file, decompressed: 20 GB are some 100 million rows of a feed.",
    )
    expansion_limit: int = Field(
        default=200,
        ge=1,
        description="How many bytes a byte of a compressed file may become; counted from 64 MB of content on.",
    )
    column_limit: int = Field(
        default=2000, ge=1, le=100_000, description="Columns of one delivered file, or keys of its objects."
    )
    lock_wait_seconds: float = Field(
        default=600.0, ge=0, le=86_400, description="How long a writer waits for the warehouse."
    )
    dask: str | None = Field(
        default=None,
        pattern=r"^(local|(tcp|tls|ucx|ws|wss)://\S+)$",
        description="Where the parts of a night are computed: threads of the run's own process if empty, 'local' for "
        "a Dask worker on each core, or the address of a Dask scheduler.",
    )
    catalogue: str | None = Field(
        default=None,
        pattern=r"^ducklake:postgres:.+$",
        description="Where the warehouse is: one file of the home if empty, or a DuckLake whose catalogue is a "
        "PostgreSQL database, such as 'ducklake:postgres:host=db.example user=lender dbname=lender'.",
    )
    lake_dir: Path | None = Field(
        default=None, description="Folder of the files of a DuckLake; the folder lake of the home if empty."
    )
    timezone: str = Field(
        default="UTC", description="The lender's time zone; all stored times are local to it."
    )
    required_feeds: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("enterprises",),
        description="Feeds without which a night stops, with commas between them; it goes on without any other.",
    )
    impairment: ImpairmentSettings = Field(
        default=ImpairmentSettings(),
        description="Thresholds and conventions of impairment (IFRS 9), each as NIGHTLEDGER_IMPAIRMENT__NAME.",
    )

    @field_validator("home", "data_dir", "lake_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("catalogue")
    @classmethod
    def _without_password(cls, value: str | None) -> str | None:
        if value is not None and _PASSWORD.search(value):
            raise ValueError(
                "it holds a password, which messages would show; put it into ~/.pgpass or PGPASSWORD"
            )
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("required_feeds", mode="before")
    @classmethod
    def _split(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        names = value.split(",") if isinstance(value, str) else value
        return tuple(name.strip() for name in names if name.strip())

    @field_validator("required_feeds")
    @classmethod
    def _known_feeds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in FEEDS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no feed, the feeds are {', '.join(FEEDS)}")
        return value

    @property
    def warehouse_file(self) -> Path:
        """The one DuckDB file that a writer owns."""
        return self.home / "warehouse.duckdb"

    @property
    def lake_folder(self) -> Path:
        """Where the files of a lake are."""
        return self.lake_dir or self.home / "lake"

    @property
    def place(self) -> str:
        """Where the warehouse is, as messages and the processes of a run name it."""
        if self.catalogue is None:
            return str(self.warehouse_file)
        return f"{self.catalogue} with {self.lake_folder}"

    @property
    def lock_file(self) -> Path:
        """The file whose lock is the writer's lease."""
        return self.home / "warehouse.lock"

    @property
    def published_dir(self) -> Path:
        """The folder of everything that is published for readers."""
        return self.home / "published"

    @property
    def published_file(self) -> Path:
        """The read-only copy of the warehouse that readers open."""
        return self.published_dir / "portfolio.duckdb"

    @property
    def landing_dir(self) -> Path:
        """Where feed files arrive, unless a flow is given another folder."""
        return self.home / "landing"

    @property
    def models_dir(self) -> Path:
        """Where model artefacts are kept."""
        return self.home / "models"

    @property
    def runs_dir(self) -> Path:
        """Where the files of single runs are kept: score partitions, Data Docs, plots."""
        return self.home / "runs"

    @property
    def sql_dir(self) -> Path:
        """Where the SQL that built the features of each portfolio and date is kept, as it ran."""
        return self.home / "sql"

    @property
    def spill_dir(self) -> Path:
        """Where DuckDB puts what does not fit in memory."""
        return self.home / "spill"

    def local_now(self) -> datetime:
        """Return the present time in the lender's time zone, without an offset, as all tables store it."""
        return datetime.now(ZoneInfo(self.timezone)).replace(tzinfo=None)


def settings() -> Settings:
    """Return the settings of the environment as it is now; the same environment is read once.

    Raises:
        Refused: naming the variable, when a value is outside its bounds.
    """
    names = sorted(name for name in os.environ if name == "HOME" or name.upper().startswith("NIGHTLEDGER_"))
    try:
        return _of_environment(Path.cwd(), tuple((name, os.environ[name]) for name in names))
    except ValidationError as error:
        first = error.errors()[0]
        name = "NIGHTLEDGER_" + ("__".join(map(str, first["loc"])).upper() or "*")
        got = "" if first["loc"] == ("catalogue",) else f" (got {first['input']!r})"  # it may hold a password
        raise Refused(f"{name}: {first['msg'].removeprefix('Value error, ')}{got}") from error


@lru_cache(maxsize=1)
def _of_environment(_folder: Path, _variables: tuple[tuple[str, str], ...]) -> Settings:
    return Settings()

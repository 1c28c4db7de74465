"""``mixedmode.toml``: what a node is, where its database is, on which ports it answers.

Every field can also be set in the environment: ``MIXEDMODE_NODE__ADDRESS`` is ``address`` of ``[node]``. A field
that is not known is an error, so that a slip of the pen does not pass unnoticed.
"""

from __future__ import annotations

import os
from importlib.resources.abc import Traversable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from mixedmode.errors import MalformedError, UsageError
from mixedmode.node.host.toml_files import toml_file
from mixedmode.node.units.options import STANDARD_PORTS
from mixedmode.pki.files import MAX_KEY_FILE, read_limited
from mixedmode.services.files.flat_names import DEFAULT_MAP, FlatNames
from mixedmode.toml_reader import read_toml

FILE_NAME = "mixedmode.toml"
PLACES = (Path(FILE_NAME), Path("/etc/mixedmode") / FILE_NAME)
"""Where the file is looked for, in order, if neither ``--config`` nor ``MIXEDMODE_CONFIG`` names it."""


def _address(text: str) -> str:
    return str(ip_address(text))


def _rule(text: str) -> str:
    try:
        FlatNames((text,))
    except UsageError as error:
        raise ValueError(f"{error}; {error.next_step}") from error
    return text


def _network(text: str) -> str:
    return str(ip_network(text))


Port = Annotated[int, Field(ge=0, le=65535)]
Address = Annotated[str, AfterValidator(_address)]
Network = Annotated[str, AfterValidator(_network)]
Rule = Annotated[str, AfterValidator(_rule)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeTable(_Table):
    """``[node]``.

    Attributes:
        name: Host name, as certificates and trust lists name the node.
        address: IP address that phones and other nodes use.
        role: Publisher or subscriber.
        directory: Keys, files, the embedded database; owned by the service's user.
        listen: The address to listen on, if it is not ``address`` (such as ``0.0.0.0`` behind a translation).
        workers: Processes that share TFTP, HTTP, HTTPS and TVS; ``auto`` is one a core.
    """

    name: str
    address: Address
    role: Literal["publisher", "subscriber"] = "publisher"
    directory: Path = Path("/var/lib/mixedmode")
    listen: Address | None = None
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"


class DatabaseTable(_Table):
    """``[database]``.

    Attributes:
        url: ``postgresql://...``; empty is SQLite in the node's directory. A password is better left out, to
            ``~/.pgpass`` or to peer authentication.
        publisher_url: The publisher's database, for what a subscriber has to write. Of subscribers only.
    """

    url: str = ""
    publisher_url: str = ""


class FilesTable(_Table):
    """``[files]``.

    Attributes:
        map: Where to look for names that are not there as such, each ``PATTERN=FOLDER``; none turns that off.
    """

    map: tuple[Rule, ...] = DEFAULT_MAP


class TlsTable(_Table):
    """``[tls]``.

    Attributes:
        floor: The oldest TLS that phones may speak; ``1.0`` where there are phones of the 7900 series.
    """

    floor: Literal["1.0", "1.2"] = "1.2"


class LogTable(_Table):
    """``[log]``: to standard error, which systemd keeps and rotates.

    Attributes:
        level: The least that is logged.
        format: ``text`` for people, ``json`` for collectors.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class MetricsTable(_Table):
    """``[metrics]``: Prometheus.

    Attributes:
        address: To listen on.
        port: 0 turns them off.
        allow: Networks that may ask the pages' ``/metrics``, ``/healthz`` and ``/readyz`` without a sign-in; loopback
            always may.
    """

    address: Address = "127.0.0.1"
    port: Port = 9469
    allow: tuple[Network, ...] = ()


class Settings(BaseSettings):
    """The whole file."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="MIXEDMODE_", env_nested_delimiter="__", toml_file=None
    )

    node: NodeTable
    database: DatabaseTable = DatabaseTable()
    ports: dict[str, Port] = {}
    files: FilesTable = FilesTable()
    tls: TlsTable = TlsTable()
    log: LogTable = LogTable()
    metrics: MetricsTable = MetricsTable()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file."""
        return init_settings, env_settings, _TomlFile(settings_cls)


class _TomlFile(TomlConfigSettingsSource):
    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        return read_toml(read_limited(Path(str(file_path)), MAX_KEY_FILE)[0])


def find_settings(path: Path | None = None) -> Path:
    """Return the settings file to use.

    Raises:
        UsageError: There is none.
    """
    if path is None and (named := os.environ.get("MIXEDMODE_CONFIG")):
        path = Path(named)
    candidates = PLACES if path is None else (path,)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise UsageError(
        "there is no settings file",
        where=", ".join(map(str, candidates)),
        next_step="mixedmode node init makes one, or name it with --config",
    )


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings file and the environment.

    Raises:
        UsageError: There is no file, or it cannot be read.
        MalformedError: A line of it is not TOML, or a field is unknown, missing or out of its range.
    """
    found = find_settings(path)

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=found)

    try:
        settings = FromFile()  # type: ignore[call-arg]  # the sources fill the fields
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise MalformedError(
            f"{place}: {first['msg'].lower()}",
            where=str(found),
            next_step="docs/reference/mixedmode-toml.md lists the fields",
        ) from error
    except ValueError as error:
        raise MalformedError("the settings file is not TOML", where=str(found), why=str(error)) from error
    unknown = sorted(set(settings.ports) - set(STANDARD_PORTS))
    if unknown:
        known = ", ".join(STANDARD_PORTS)
        raise MalformedError(f"ports.{unknown[0]}: no such port", where=str(found), next_step=f"there are: {known}")
    if settings.database.publisher_url and settings.node.role == "publisher":
        raise MalformedError("database.publisher_url is of subscribers only", where=str(found))
    return settings


def render_settings(settings: Settings) -> str:
    """Return a settings file, with the fields that say something."""
    document = settings.model_dump(mode="json", exclude_defaults=True)
    return toml_file("A node of a mixedmode cluster; docs/reference/mixedmode-toml.md lists every field.", document)

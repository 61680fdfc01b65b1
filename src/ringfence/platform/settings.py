"""Settings of an installation: one TOML file, overridden by environment variables.

The file is ``$RINGFENCE_CONFIG``, else ``ringfence.toml`` in the working directory, else none.
``RINGFENCE_SIP__REALM=example.net`` overrides ``[sip] realm``. An unknown or wrong setting stops
the start with an error that names it.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.processor_settings import EgressSettings, ProcessorSettings
from ringfence.platform.section import Section

Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsError(RingfenceError):
    """A setting is unknown, missing or wrong; the message names it as ``section.key``."""

    code = "invalid_settings"


class NodeSettings(Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")] = "node1"
    data_dir: Path = Path("var")
    """Database, spool, sockets, generated secrets. One directory per installation."""
    run_dir: Path | None = None
    """Unix sockets; default ``<data_dir>/run``. Socket paths are limited to 107 bytes."""
    drain_seconds: Annotated[float, Field(ge=0, le=24 * 3600)] = 30.0
    """How long calls in progress may go on when signalling is told to stop."""


class DatabaseSettings(Section):
    owner_url: str | None = None
    """A PostgreSQL >= 16 superuser-made URL of the owner role; none starts the embedded server."""
    app_url: str | None = None
    operator_url: str | None = None
    callplane_url: str | None = None
    identity_url: str | None = None
    embedded_port: Port = 54329

    @model_validator(mode="after")
    def _all_or_none(self) -> DatabaseSettings:
        urls = (
            self.owner_url, self.app_url, self.operator_url, self.callplane_url, self.identity_url
        )  # fmt: skip
        if any(urls) and not all(urls):
            raise ValueError(
                "owner_url, app_url, operator_url, callplane_url and identity_url go together"
            )
        return self


class KeysSettings(Section):
    directory: Path | None = None
    """Slot file and root key; default ``<data_dir>.keys``. Must lie outside the data directory,
    its backups and its snapshots, on a file system that overwrites in place."""
    root_key_file: Path | None = None
    """32 bytes in URL-safe base64, mode 0600; default ``root.key`` in ``directory``, made at the
    first start. $RINGFENCE_ROOT_KEY takes its place."""
    root_key_command: tuple[str, ...] | None = None
    """A program (with arguments) that prints the root key as the file would hold it: the adapter
    to a key management service. Takes the place of the file."""


class StorageSettings(Section):
    url: str | None = None
    """Where sealed objects are kept: ``file:///path`` or ``s3://bucket/prefix``; default
    ``<data_dir>/objects``."""
    endpoint: str | None = None
    """Of an S3-compatible service other than AWS."""
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    """Default: what the environment or the machine's role provides."""


class AuditSettings(Section):
    heads_url: str | None = None
    """Where the heads of the audit chains are put each day: like ``storage.url``, and best not in
    the same hands; default ``<data_dir>/audit-heads``."""
    retention_months: Annotated[int, Field(ge=1, le=1200)] = 36
    """Records of use are removed by whole months when they are older; their batches stay."""


class BackupSettings(Section):
    directory: Path | None = None
    """Where base backups and the write-ahead log go; none: no backups. Best another disk."""


Days = Annotated[int, Field(ge=1, le=36_500)]


class IdentifierRetention(Section):
    call_records: Days = 550
    invitations: Days = 30
    consents: Days = 1461
    """Four years, the limitation under the TCPA: ``promises verify`` refuses less."""


class ContentRetention(Section):
    recordings: Days = 90
    customer_recordings: Days = 90
    rights_packages: Days = 14


class RecoveryRetention(Section):
    node: Days = 2


class RetentionSettings(Section):
    """Whole days that values of a category are kept under a rule, after the day that they are of:
    ``identifier.call_records = 550``."""

    identifier: IdentifierRetention = IdentifierRetention()
    content: ContentRetention = ContentRetention()
    recovery: RecoveryRetention = RecoveryRetention()

    def rules(self) -> list[tuple[str, str, int]]:
        """Category, rule and days of each."""
        return [
            (category, rule, days)
            for category, rules in self.model_dump().items()
            for rule, days in rules.items()
        ]


class PrivacySettings(Section):
    joint_content: Literal["call", "channel"] = "call"
    """What of a conversation dies with one of its parties: every track, or their own alone."""
    examine: bool = True
    """Whether the installation examines its promises at 03:40 and 15:40 UTC."""


class PolicySettings(Section):
    """Who answers for the published policy; it names all of it, and is not published without."""

    operator: str = ""
    """The name of the operator."""
    email: str = ""
    """Where its privacy officer is reached."""
    phone: str = ""
    """The same by telephone."""
    address: str = ""
    """The same by post."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What a policy cannot be published without."""
        return tuple(name for name, value in self if not value.strip())


class SipListen(Section):
    transport: Literal["udp", "tcp"]
    host: str
    port: Port


class SipSettings(Section):
    listen: tuple[str, ...] = ("udp://0.0.0.0:5060", "tcp://0.0.0.0:5060")
    """Where SIP is spoken: ``udp://address:port`` or ``tcp://address:port``."""
    advertised_address: str | None = None
    """Address that peers reach us at (1:1 NAT); default the bound one, the route's for 0.0.0.0."""
    realm: str = "ringfence"
    digest_algorithms: Annotated[tuple[Literal["SHA-256", "MD5"], ...], Field(min_length=1)] = (
        "SHA-256",
        "MD5",
    )
    """What a challenge offers, one value each, the preferred first. Some old phones give up when
    one of them is not MD5."""
    t1_ms: Annotated[int, Field(ge=10, le=2000)] = 500
    """RFC 3261 T1; every timer derives from it."""
    max_call_seconds: Annotated[int, Field(ge=1)] = 4 * 3600
    ring_seconds: Annotated[int, Field(ge=1, le=600)] = 180
    """Timer C: how long an unanswered leg may ring."""

    @field_validator("listen")
    @classmethod
    def _parse_each(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            parse_listen(item)
        if not value:
            raise ValueError("at least one address to listen on")
        return value

    @field_validator("advertised_address")
    @classmethod
    def _ip(cls, value: str | None) -> str | None:
        if value is not None:
            ipaddress.ip_address(value)
        return value


class MediaSettings(Section):
    workers: Annotated[int, Field(ge=0, le=128)] = 0
    """Number of media processes; 0 means one per core."""
    bind_address: str = "0.0.0.0"  # noqa: S104 - phones outside this machine send here
    advertised_address: str | None = None
    """Address in our SDP; default as ``sip.advertised_address``."""
    rtp_port_min: Port = 20000
    rtp_port_max: Port = 29999
    silence_seconds: Annotated[int, Field(ge=1)] = 60
    """A leg that sends nothing for so long, and is not on hold, ends its call."""
    latch_seconds: Annotated[float, Field(gt=0, le=30)] = 5.0
    """How long after an offer or answer the true RTP source may still be learned."""

    @model_validator(mode="after")
    def _range(self) -> MediaSettings:
        if self.rtp_port_max - self.rtp_port_min < 3:
            raise ValueError("rtp_port_max must lie at least 3 above rtp_port_min")
        return self


class SpeechSettings(Section):
    voice: str = ""
    """Voice where a flow names none; empty: the engine's default."""
    max_characters: Annotated[int, Field(ge=1, le=20_000)] = 4000
    cache_bytes: Annotated[int, Field(ge=0)] = 512 * 1024 * 1024
    """What is kept of texts without personal values; the least recently used goes first."""


class HttpSettings(Section):
    host: str = "127.0.0.1"
    port: Port = 8080
    requests_per_minute: Annotated[int, Field(ge=0)] = 1200
    """Of one API key, of which as many may come at once; 0: no limit."""


class WebSettings(HttpSettings):
    public_url: str | None = None
    """What people's browsers call this server, such as ``https://console.example.net``: in mails
    and for passkeys; default ``http://localhost:<port>``. With https, cookies are sent over it
    alone."""

    tenant_requests_per_minute: Annotated[int, Field(ge=0)] = 6000
    """Of all keys, clients and people of one tenant together; 0: no limit. A tenant's manager may
    set another one for it."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) of the proxies in front of this server: the client's address is then the last
    one in ``X-Forwarded-For`` that is none of theirs. Of anybody else the header is not read."""
    request_log_days: Days = 30
    """How long the request log keeps what was asked."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            ipaddress.ip_network(item)
        return value

    @functools.cached_property
    def proxy_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(item) for item in self.trusted_proxies)

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"https?://[a-z0-9.-]+(:\d{1,5})?", url):
            raise ValueError("is an origin such as https://console.example.net")
        return url


class LiveSettings(Section):
    host: str = "127.0.0.1"
    port: Port = 8081


class AccountsSettings(Section):
    sign_up: Literal["invitation", "open"] = "invitation"
    """Whether people need an invitation, or may also open an account for their company."""
    reactivation_days: Days = 30
    """How long a closed tenant may come back."""
    step_up_seconds: Annotated[int, Field(ge=30, le=3600)] = 300
    """How long after an authentication sensitive actions are allowed."""
    session_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 12
    """After which people sign in again, whatever they do."""
    idle_minutes: Annotated[int, Field(ge=5, le=24 * 60)] = 120
    """After which a session that nobody used is over. A console that shows live calls uses it."""


class MailSettings(Section):
    smtp_url: str | None = None
    """``smtp://user:password@host:587`` (STARTTLS) or ``smtps://…:465``; none: mails are files in
    ``<data_dir>/mail``."""
    sender: str = "Ringfence <ringfence@localhost>"


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "text"


class Settings(BaseSettings):
    """All settings. Frozen: a change is a restart or a reload that builds new ones."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="RINGFENCE_", env_nested_delimiter="__"
    )

    node: NodeSettings = NodeSettings()
    database: DatabaseSettings = DatabaseSettings()
    keys: KeysSettings = KeysSettings()
    storage: StorageSettings = StorageSettings()
    audit: AuditSettings = AuditSettings()
    backup: BackupSettings = BackupSettings()
    retention: RetentionSettings = RetentionSettings()
    privacy: PrivacySettings = PrivacySettings()
    policy: PolicySettings = PolicySettings()
    sip: SipSettings = SipSettings()
    media: MediaSettings = MediaSettings()
    speech: SpeechSettings = SpeechSettings()
    egress: EgressSettings = EgressSettings()
    processors: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")], ProcessorSettings
    ] = {}
    """Third parties by our name for them."""
    web: WebSettings = WebSettings()
    accounts: AccountsSettings = AccountsSettings()
    mail: MailSettings = MailSettings()
    live: LiveSettings = LiveSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        path = config_path()
        if path is None:
            return init_settings, env_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path)

    @property
    def data_dir(self) -> Path:
        return self.node.data_dir.resolve()

    @property
    def run_dir(self) -> Path:
        return (self.node.run_dir or self.data_dir / "run").resolve()

    @property
    def spool_dir(self) -> Path:
        return self.data_dir / "spool" / self.node.name

    @property
    def key_store(self) -> Path:
        return self.data_dir / "keys" / "keys.sqlite"

    @property
    def keys_dir(self) -> Path:
        """What destroys keys by being overwritten, and the root key."""
        beside = self.data_dir.with_name(f"{self.data_dir.name}.keys")
        return (self.keys.directory or beside).resolve()

    @property
    def key_slots(self) -> Path:
        return self.keys_dir / "slots"

    @property
    def root_key_file(self) -> Path:
        return (self.keys.root_key_file or self.keys_dir / "root.key").resolve()

    @property
    def key_socket(self) -> Path:
        return self.run_dir / "keys.sock"

    @property
    def key_generation(self) -> Path:
        """The counter that moves when a key dies."""
        return self.run_dir / "keys.generation"

    @property
    def control_socket(self) -> Path:
        return self.run_dir / "control.sock"

    @property
    def signalling_socket(self) -> Path:
        return self.run_dir / "signalling.sock"

    @property
    def speech_socket(self) -> Path:
        return self.run_dir / "speech.sock"

    @property
    def egress_socket(self) -> Path:
        return (self.egress.socket or self.run_dir / "egress.sock").resolve()

    @property
    def speech_dir(self) -> Path:
        """Rendered speech of texts without personal values."""
        return self.data_dir / "speech"

    @property
    def prompt_dir(self) -> Path:
        """Audio files that tenants play: ``<tenant hex>/<prompt hex>.wav``."""
        return self.data_dir / "prompts"

    @property
    def storage_url(self) -> str:
        return self.storage.url or f"file://{self.data_dir / 'objects'}"

    @property
    def public_url(self) -> str:
        """The origin of the web server, as browsers know it."""
        return self.web.public_url or f"http://localhost:{self.web.port}"

    @property
    def mail_dir(self) -> Path:
        """Mails, where no SMTP server is set."""
        return self.data_dir / "mail"

    @property
    def heads_url(self) -> str:
        return self.audit.heads_url or f"file://{self.data_dir / 'audit-heads'}"

    @property
    def wal_archive(self) -> Path | None:
        """Where the embedded server archives its write-ahead log, if anywhere."""
        directory = self.backup.directory
        return directory.resolve() / "wal" if directory is not None else None

    @property
    def track_dir(self) -> Path:
        """Sealed tracks while they are written, and until they are in the object store."""
        return self.data_dir / "tracks"

    @property
    def media_workers(self) -> int:
        return self.media.workers or os.cpu_count() or 1

    def media_socket(self, index: int) -> Path:
        return self.run_dir / f"media-{index}.sock"

    def media_ports(self, index: int) -> tuple[int, int]:
        """First and last RTP port (inclusive) of one worker: disjoint even-aligned shares."""
        low = self.media.rtp_port_min + (self.media.rtp_port_min & 1)
        pairs = (self.media.rtp_port_max + 1 - low) // 2
        share = pairs // self.media_workers
        first = low + 2 * share * index
        return first, first + 2 * share - 1


def parse_listen(text: str) -> SipListen:
    """``udp://127.0.0.1:5060`` as a value. Raises ValueError for anything else."""
    scheme, separator, rest = text.partition("://")
    host, colon, port = rest.rpartition(":")
    if not separator or not colon or scheme not in ("udp", "tcp") or not port.isdigit():
        raise ValueError(f"{text!r} is not like udp://0.0.0.0:5060 or tcp://0.0.0.0:5060")
    host = host.strip("[]")
    ipaddress.ip_address(host)
    return SipListen(transport=scheme, host=host, port=int(port))  # type: ignore[arg-type]


def config_path() -> Path | None:
    """The TOML file in use, if any. Raises SettingsError when the named one does not exist."""
    named = os.environ.get("RINGFENCE_CONFIG")
    if named:
        path = Path(named)
        if not path.is_file():
            raise SettingsError(f"RINGFENCE_CONFIG names {named}, which is not a file")
        return path
    path = Path("ringfence.toml")
    return path if path.is_file() else None


def load_settings(**overrides: Any) -> Settings:
    """Read and validate all settings. Raises SettingsError naming each wrong one."""
    try:
        return Settings(**overrides)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{config_path()}: not valid TOML: {error}") from None
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("; ".join(problems), details={"problems": problems}) from None

"""Every setting of Vestibule, declared once: frozen, typed, unknown keys refused.

`config.load` reads them from one TOML file. Durations are in the unit that the field's name says.
"""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Section(BaseModel):
    """One table of the settings file: immutable, and a key that is not declared is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SshSettings(Section):
    """The SSH front end."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(2222, ge=0, le=65535, description="TCP port; 0 picks a free one.")
    user_ca_keys: Path | None = Field(None, description="OpenSSH CA keys whose user certificates are accepted.")
    login_grace_seconds: int = Field(60, ge=5, le=600, description="Time to finish signing in.")
    max_connections: int = Field(2000, ge=1, description="SSH connections at one time; more are turned away.")


class ApiSettings(Section):
    """The REST API for automation and for the `vestibule` command."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int | None = Field(8443, ge=0, le=65535, description="TCP port; none: socket only; 0: a free one.")
    socket: Path | None = Field(None, description="Unix socket; default `<data_dir>/api.sock`.")
    requests_per_minute: int = Field(600, ge=1, description="Per machine identity.")


class CustomerSettings(Section):
    """The subscriber's pages: an app of their own on a listener of their own."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="TCP port; 0 picks a free one.")
    public_url: str | None = Field(None, description="Base of the links that are sent; default http://host:port.")


class ConsentSettings(Section):
    """Limits of a consent. See docs/explanation/consent.md."""

    default_minutes: int = Field(30, ge=1, description="How long a consent lasts when the request does not say.")
    max_minutes: int = Field(120, ge=1, description="The longest consent that may be asked for.")
    max_sessions: int = Field(5, ge=1, description="The most sessions one consent may cover.")
    request_minutes: int = Field(60, ge=1, description="An unanswered request lapses after this.")
    code_attempts: int = Field(5, ge=1, description="Wrong entries of a spoken code before the request lapses.")
    languages: tuple[Literal["en", "fr"], ...] = Field(("en", "fr"), description="Languages offered to subscribers.")
    handoff_url: str | None = Field(None, description="Where a subscriber starts remote assistance.")
    controller: str = Field("Example Internet Ltd.", description="Who answers for the data, as subscribers read it.")


class PolicySettings(Section):
    """What the command policy has to know about this provider."""

    lan: tuple[str, ...] = Field(
        ("192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "fd00::/8"), description="Home prefixes."
    )
    provider: tuple[str, ...] = Field(
        (), description="The provider's own private prefixes, which routers may be told to test. Others are homes."
    )
    overlays: Path | None = Field(
        None, description="Directory of the provider's own additions to the policy tables (`ios+tier1.yaml`)."
    )
    approved_dns: tuple[str, ...] = Field((), description="Name servers a rep may set on a router.")
    approved_firmware_hosts: tuple[str, ...] = Field((), description="Hosts that firmware may be loaded from.")
    config_read: Literal["scope", "masked"] = Field(
        "scope", description="`config.read` needs the subscriber's tick, or none: stored secrets are masked either way."
    )
    lan_hosts_read: Literal["scope", "masked"] = Field(
        "scope", description="`lan.hosts.read` likewise; without the tick, devices stay masked."
    )

    @field_validator("lan", "provider")
    @classmethod
    def _prefixes(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in prefixes:
            ip_network(prefix)  # its ValueError names the prefix and the fault
        return prefixes


class SessionSettings(Section):
    """A live session."""

    idle_seconds: int = Field(300, ge=10, description="A session with no input for this long is closed.")
    strikes: int = Field(3, ge=1, description="Refused `never` commands that end a session.")
    warn_seconds: int = Field(120, ge=0, description="The rep is told when this much consent is left.")
    queue_lines: int = Field(1000, ge=1, description="Type-ahead lines held before reading from the client stops.")
    max_per_router: int = Field(1, ge=1, description="Sessions one router may have at one time.")


class FirmwareFile(Section):
    """Software for routers that the provider approved. Reps name it; its address and hash stand here only."""

    name: str = Field(pattern=r"\A[A-Za-z0-9._-]{1,64}\z", description="What a rep types.")
    url: str = Field(pattern=r"\Ahttps?://[!-~]{1,240}\z", description="Where the router fetches it.")
    size: int = Field(ge=1, description="Bytes.")
    sha256: str = Field(pattern=r"\A[0-9a-f]{64}\z", description="Of its content, hex; recorded with each use.")


class CwmpSettings(Section):
    """Routers that speak TR-069 (CWMP). See docs/howto/tr069-acs.md."""

    mode: Literal["off", "acs", "mediator"] = Field(
        "off", description="`acs`: routers call Vestibule alone. `mediator`: it stands before the ACS at `upstream`."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int | None = Field(
        None, ge=0, le=65535, description="TCP port with TLS; none: no such listener; 0: a free one."
    )
    plain_port: int | None = Field(
        None, ge=0, le=65535, description="TCP port without TLS: routers there prove less, and the record says so."
    )
    certificate_file: Path | None = Field(None, description="PEM certificate chain of the TLS listener.")
    key_file: Path | None = Field(None, description="PEM private key of it, mode 0600.")
    client_ca_file: Path | None = Field(None, description="CAs whose client certificates prove which router calls.")
    plain_basic: bool = Field(False, description="Accept Basic sign-in without TLS: anybody on the way can read it.")
    public_url: str | None = Field(None, description="What routers are told to call; shown to operators.")
    upstream: str | None = Field(None, description="URL of the provider's own ACS, for mode `mediator`.")
    upstream_ca_file: Path | None = Field(None, description="CAs that the ACS's certificate is checked with.")
    upstream_user: str | None = Field(None, description="One account there for all routers; none: each one's own.")
    upstream_password_file: Path | None = Field(None, description="File of mode 0600 with the password for it.")
    machine_profile: Path | None = Field(None, description="What the ACS may do, instead of the shipped profile.")
    quirks: Path | None = Field(None, description="Quirks of router models, instead of `config/quirks.yaml`.")
    wake_hosts: tuple[str, ...] = Field(
        (), description="Addresses or prefixes that Connection Requests may go to, besides a router's own address."
    )
    wake_ports: tuple[int, ...] = Field((), description="Ports below 1024 that they may go to.")
    hold_seconds: int = Field(20, ge=1, le=25, description="So long does a router wait for the next RPC of a rep.")
    wait_seconds: int = Field(60, ge=5, le=600, description="So long does a rep wait for a router to call.")
    idle_minutes: int = Field(3, ge=1, le=60, description="A router that a rep leaves alone is let go after this.")
    record_informs: Literal["events", "all"] = Field(
        "events", description="Record Informs that say something, or every periodic one too."
    )
    max_connections: int = Field(20_000, ge=1, description="Connections of routers at one time; more get 503.")
    max_sessions: int = Field(2_000, ge=1, description="Sessions at one time; more get 503 with Retry-After.")
    firmware: tuple[FirmwareFile, ...] = Field((), description="Software that reps may have routers install.")
    speedtest_hosts: tuple[str, ...] = Field((), description="Hosts that download and upload tests may use.")

    @model_validator(mode="after")
    def _complete(self) -> "CwmpSettings":
        if self.mode == "off":
            return self
        if self.port is None and self.plain_port is None:
            raise ValueError("set port (with certificate_file and key_file) or plain_port, or nothing can call")
        if self.port is not None and (self.certificate_file is None or self.key_file is None):
            raise ValueError("port needs certificate_file and key_file; without TLS use plain_port")
        if self.mode == "mediator" and self.upstream is None:
            raise ValueError("mode mediator needs upstream, the URL of the ACS")
        if (self.upstream_user is None) is not (self.upstream_password_file is None):
            raise ValueError("upstream_user and upstream_password_file go together")
        return self


class NotifySettings(Section):
    """How the subscriber's link or code leaves the house."""

    kind: Literal["outbox", "smtp", "sms_webhook"] = Field(
        "outbox", description="Files below `<data_dir>/outbox`, mail, or an SMS provider's webhook."
    )
    smtp_host: str = Field("127.0.0.1", description="Mail server.")
    smtp_port: int = Field(25, ge=1, le=65535, description="Port of the mail server.")
    smtp_sender: str = Field("no-reply@isp.example", description="Sender of the mails.")
    smtp_starttls: bool = Field(True, description="Refuse to send without TLS.")
    smtp_user: str | None = Field(None, description="Name for signing in at the mail server.")
    smtp_password_file: Path | None = Field(None, description="File of mode 0600 with the password for `smtp_user`.")
    sms_url: str | None = Field(None, description="Webhook that a text message is posted to.")
    sms_token_file: Path | None = Field(None, description="File of mode 0600 with the webhook's bearer token.")


class EvidenceSettings(Section):
    """Where the log lies, who signs it, who witnesses it, and who may open what is sealed."""

    unseal_persons: Literal[1, 2] = Field(
        1, description="How many persons it takes to open sealed parts and recordings: with 2 a second one approves."
    )
    approval_hours: int = Field(
        72, ge=1, le=720, description="So long something that takes two persons waits for the second one."
    )
    unseal_minutes: int = Field(
        60, ge=1, le=1440, description="So long a look at something sealed, or the approval of one, is good for."
    )
    store: Literal["sqlite", "postgresql"] = Field(
        "sqlite", description="Where entries are: in a file below `data_dir`, or in PostgreSQL, for several workers."
    )
    database_url_file: Path | None = Field(
        None, description="File of mode 0600 with the connection string of the database user that records."
    )
    keys_url_file: Path | None = Field(
        None, description="The same for the user that keeps keys; without it they stay in `keys.db`."
    )
    eraser_url_file: Path | None = Field(
        None, description="The same for the user that may delete ciphertext, once its keys are destroyed."
    )
    worker: str = Field(
        "main", pattern=r"\A[a-z0-9-]{1,32}\z", description="Name of this worker, where several write one log."
    )
    signer_socket: Path | None = Field(
        None, description="Unix socket of `vestibule signer`; without it the gateway signs its checkpoints itself."
    )
    witness_policy: Path | None = Field(
        None, description="C2SP tlog-policy file with the witnesses that cosign checkpoints, and their URLs."
    )
    quorum_alarm_minutes: int = Field(
        15, ge=1, description="An alarm is recorded when for so long no quorum of witnesses, or no signer, has signed."
    )
    timestamp_url: str | None = Field(
        None, pattern=r"\Ahttps?://", description="RFC 3161 authority that stamps a checkpoint every hour."
    )
    objects_url: str | None = Field(
        None,
        pattern=r"\A(s3|gs|az|file)://",
        description="Object storage that the published log is delivered to as well: `s3://bucket/prefix`, `gs://…`.",
    )
    objects_endpoint: str | None = Field(
        None, pattern=r"\Ahttps?://", description="Address of S3 storage that is not Amazon's."
    )
    objects_region: str | None = Field(None, description="Region of the bucket, where the environment names none.")

    @model_validator(mode="after")
    def _has_address(self) -> "EvidenceSettings":
        if self.store == "postgresql" and self.database_url_file is None:
            raise ValueError("store = postgresql needs database_url_file")
        return self


class LogSiteSettings(Section):
    """The public, read-only site with the log's tiles and checkpoint. No personal data is served."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int | None = Field(None, ge=0, le=65535, description="TCP port; none: no site; 0 picks a free one.")


class ReviewSettings(Section):
    """The web pages of auditors, reviewers and supervisors: search and replay."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int | None = Field(8090, ge=0, le=65535, description="TCP port; none: no pages; 0 picks a free one.")
    public_url: str | None = Field(None, description="Base of the pages as browsers see it; default http://host:port.")


class RetentionSettings(Section):
    """How long evidence is kept, counted from the end of the month it was sealed in. Then its keys are destroyed."""

    access_months: int = Field(24, ge=1, le=240, description="Access and commands. PCI DSS wants 12 at least.")
    recording_days: int = Field(90, ge=1, le=3650, description="Recordings of sessions.")
    strike_months: int = Field(24, ge=1, le=240, description="Refused lines, strikes and attempts.")
    consent_months: int = Field(36, ge=1, le=240, description="Consents, from their end.")
    automatic: bool = Field(False, description="Destroy daily what is due; else `vestibule retention run` does.")


class FeedsSettings(Section):
    """Deliveries of the log to other systems. See docs/howto/feed-a-siem.md."""

    directory: Path | None = Field(None, description="Directory with one TOML file for each feed.")


class SearchSettings(Section):
    """The search index over commands and output. It holds what the evidence seals, in clear: keep it as safe."""

    enabled: bool = Field(True, description="Keep an index, so that the evidence can be searched.")
    directory: Path | None = Field(
        None, description="Where it lies, on an encrypted volume; default `<data_dir>/index`. It can be made anew."
    )
    output: bool = Field(True, description="Take in what routers printed, besides commands and their first lines.")


class LogSettings(Section):
    """Operational log (JSON lines on standard error); it never holds personal data."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least weight that is written.")


class Settings(Section):
    """The whole file."""

    data_dir: Path = Field(description="Everything Vestibule stores lives below this directory.")
    tenant: str = Field(
        "isp", pattern=r"\A[a-z0-9-]{1,32}\z", description="Short name of the provider; part of the log's origin."
    )
    ssh: SshSettings = SshSettings()
    api: ApiSettings = ApiSettings()
    customer: CustomerSettings = CustomerSettings()
    consent: ConsentSettings = ConsentSettings()
    policy: PolicySettings = PolicySettings()
    session: SessionSettings = SessionSettings()
    cwmp: CwmpSettings = CwmpSettings()
    notify: NotifySettings = NotifySettings()
    evidence: EvidenceSettings = EvidenceSettings()
    log_site: LogSiteSettings = LogSiteSettings()
    review: ReviewSettings = ReviewSettings()
    search: SearchSettings = SearchSettings()
    retention: RetentionSettings = RetentionSettings()
    feeds: FeedsSettings = FeedsSettings()
    log: LogSettings = LogSettings()

    @property
    def state_path(self) -> Path:
        """Operational state (SQLite)."""
        return self.data_dir / "state.db"

    @property
    def evidence_dir(self) -> Path:
        """The journal: `audit.db`, `keys.db`, `checkpoint`."""
        return self.data_dir / "evidence"

    @property
    def index_dir(self) -> Path:
        """The search index: files of one month each."""
        return self.search.directory or self.data_dir / "index"

    @property
    def keys_dir(self) -> Path:
        """Root key, log signing key, consent signing key, SSH host key: files of mode 0600."""
        return self.data_dir / "keys"

    @property
    def outbox_dir(self) -> Path:
        """Messages of the embedded notifier, one file each."""
        return self.data_dir / "outbox"

    @property
    def api_socket(self) -> Path:
        """Unix socket of the REST API."""
        return self.api.socket or self.data_dir / "api.sock"

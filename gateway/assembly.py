"""Puts the parts together: the only module that names concrete classes. `House` is one running worker.

Order at start: keys, journal (recovers), state, policy, consent (brought in line with the journal), listeners.
Order at stop: listeners, sessions, consent, journal (which signs a last checkpoint).
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import asyncssh
import structlog

from audit.errors import PublishFailed
from audit.feeds.feed import FeedThread
from audit.journal import Journal
from audit.leaf import Outline
from audit.ledger import CONSENT_ENDS, SESSION_STATES
from audit.publish.published import FOLDER as PUBLISHED
from audit.publish.tile_store import TileStore
from audit.retention.purge import Purgeable
from audit.search.fts import FtsIndex
from audit.search.indexer import Indexer
from audit.stores.choose import Database as LogDatabase
from audit.stores.tiles_files import FileTileStore
from config.clock import Clock, SystemClock
from config.errors import ConfigError, VestibuleError
from config.files import make_private_dir, read_private, write_private
from config.settings import EvidenceSettings, Settings
from drivers.definition import load_definition, platforms
from drivers.dispatch import PlatformDrivers
from drivers.netmiko_batch import BatchDriver, detect_platform, fetch_host_key
from drivers.session import Credential, Driver
from drivers.shell_ssh import SshDriver
from gateway.access.credentials import Vault, derive, ensure_root_key
from gateway.access.identity import Router
from gateway.api.app import api_app
from gateway.api.probe import Prober
from gateway.consent.notifier import Notifier
from gateway.consent.service import ConsentService
from gateway.consent.token import ensure_key
from gateway.cwmp.station import Ground, Station
from gateway.errors import Unavailable
from gateway.evidence import feeding
from gateway.evidence.attesting import attestation_of
from gateway.evidence.custody import Custody
from gateway.evidence.exporting import Exports
from gateway.evidence.reading import Reading
from gateway.evidence.rotating import refuse_if_begun
from gateway.evidence.status import StatusBoard
from gateway.log_site import log_site
from gateway.notify.choose import notifier_for
from gateway.policy.cwmp.policy import MACHINE, PLATFORM, CwmpPolicy
from gateway.policy.errors import PolicyError
from gateway.policy.load import TABLES, read_files
from gateway.review.app import review_app
from gateway.session.admin import Administration, RouterEntry
from gateway.session.listeners import HttpListener, bind_tcp, bind_unix
from gateway.session.live import LiveSessions
from gateway.session.policies import FOLDER, PolicyInForce
from gateway.session.service import AccessService, Parts, site_of
from gateway.ssh.connection import listen
from gateway.ssh.server import front_door
from gateway.state.consents import StateConsentStore
from gateway.state.cpes import StateCpes
from gateway.state.database import Database, sqlite_url
from gateway.state.directory import StateDirectory
from gateway.state.persons import StatePersons
from gateway.state.registry import NewRouter, Registry
from gateway.web.app import customer_app

log = structlog.get_logger("assembly")

HOST_KEY_FILE = "ssh_host_ed25519_key"
EXPIRY_SECONDS = 1.0
RETENTION_SECONDS = 24 * 3600.0
STATUS_SECONDS = 60.0


class _Inventory(Registry):
    """`gateway.session.admin.Inventory` over the state; what concerns CPEs reaches the memory of them too."""

    def __init__(self, database: Database, vault: Vault, clock: Clock, cpes: StateCpes) -> None:
        super().__init__(database, vault, clock)
        self._cpes = cpes
        self.on_cpe: Callable[[str], None] = _nobody
        """Called with the device key of each CPE that is registered."""

    async def register(self, entry: RouterEntry) -> Router:
        router = await self.add_router(NewRouter(**{**asdict(entry), "credential": entry.credential}))
        await self._learn(router.id)
        return router

    async def set_credential(self, router_name: str, credential: Credential) -> None:
        await super().set_credential(router_name, credential)
        await self._learn(await self.router_id(router_name))

    async def remove_router(self, router_name: str) -> None:
        router_id = await self.router_id(router_name)
        await super().remove_router(router_name)
        self._cpes.forget(router_id)

    async def _learn(self, router_id: str) -> None:
        await self._cpes.learn(router_id)
        cpe = self._cpes.by_router(router_id)
        if cpe is not None:
            self.on_cpe(cpe.device_key)


def _nobody(_: str) -> None:
    """Nobody is told."""


def host_key(settings: Settings) -> asyncssh.SSHKey:
    """The gateway's own SSH host key (Ed25519), made once. Raises `ConfigError`."""
    path = settings.keys_dir / HOST_KEY_FILE
    make_private_dir(settings.keys_dir)
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519", comment="vestibule")
        write_private(path, key.export_private_key("openssh"))
        path.with_suffix(".pub").write_bytes(key.export_public_key("openssh"))
    try:
        return asyncssh.import_private_key(read_private(path))
    except asyncssh.KeyImportError as error:
        raise ConfigError(f"{path} is no SSH private key ({error}); restore it from a backup.") from error


def policy_of(settings: Settings) -> PolicyInForce:
    """The shipped tables with the provider's overlays. Raises `ConfigError` when an overlay is wrong."""
    read = partial(_policy_files, settings)
    try:
        return PolicyInForce.open(read, settings.evidence_dir / FOLDER)
    except PolicyError as error:
        raise ConfigError(f"{error} Correct it (see `vestibule policy lint`), or unset policy.overlays.") from error


def _policy_files(settings: Settings) -> dict[str, bytes]:
    """The policy's files: shipped ones, the provider's overlays and own machine profile. Raises `PolicyError`."""
    found = dict(read_files(TABLES, settings.policy.overlays))
    own = settings.cwmp.machine_profile
    if own is not None:
        try:
            found[MACHINE] = own.read_bytes()
        except OSError as error:
            raise PolicyError(f"cwmp.machine_profile: {own} cannot be read ({error.strerror}).") from error
    return found


def index_of(settings: Settings, origin: str) -> FtsIndex | None:
    """The search index of this log, if one is kept. Raises `IndexFailed`, `ConfigError`."""
    return FtsIndex(make_private_dir(settings.index_dir), origin) if settings.search.enabled else None


def objects_of(settings: Settings) -> TileStore | None:
    """Object storage that the log is delivered to, if there is one. Raises `ConfigError`."""
    evidence = settings.evidence
    if evidence.objects_url is None:
        return None
    from audit.stores.tiles_objects import ObjectTileStore  # its library is large, and few need it

    try:
        return ObjectTileStore(evidence.objects_url, endpoint=evidence.objects_endpoint, region=evidence.objects_region)
    except PublishFailed as error:
        raise ConfigError(f"{error} Change evidence.objects_url.") from error


def database_of(evidence: EvidenceSettings) -> LogDatabase | None:
    """The PostgreSQL that holds the log, if it is in one."""
    if evidence.store == "sqlite" or evidence.database_url_file is None:
        return None
    return LogDatabase(
        address=evidence.database_url_file,
        keys=evidence.keys_url_file,
        eraser=evidence.eraser_url_file,
        worker=evidence.worker,
    )


def initialise(settings: Settings) -> None:
    """Make what an installation needs once: directories, keys, empty state. Safe to repeat."""
    refuse_if_begun(settings)
    for directory in (settings.data_dir, settings.keys_dir, settings.evidence_dir):
        make_private_dir(directory)
    ensure_root_key(settings.keys_dir)
    ensure_key(settings.keys_dir)
    host_key(settings)
    Database.open(sqlite_url(settings.state_path)).close()


class House:
    """One worker: built by `open`, serving between `start` and `stop`."""

    def __init__(
        self, settings: Settings, clock: Clock, driver: Driver | None, notifier: Notifier | None, journal: Journal
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.journal = journal
        policy = policy_of(settings)  # first: what reading it leaves of free memory serves all that comes after
        root = ensure_root_key(settings.keys_dir)
        vault = self._vault = Vault(root)
        self.purgeable: list[Purgeable] = []
        """What holds copies of opened evidence. Filled before `_catch_up`."""
        self._index = index_of(settings, journal.origin)
        if self._index is not None:
            self.purgeable.append(self._index)
        self._indexer: Indexer | None = None
        self._review: HttpListener | None = None
        self.reading: Reading
        """Set by `_catch_up`."""
        self.custody: Custody
        """Set by `_catch_up`."""
        self._database = Database.open(sqlite_url(settings.state_path))
        self.directory = StateDirectory(self._database, vault)
        self._cpes = StateCpes(self._database, vault)
        self.registry = _Inventory(self._database, vault, clock, self._cpes)
        self._store = StateConsentStore(self._database, vault)
        self._notifier = notifier or notifier_for(settings)
        self.consents = ConsentService(
            journal=journal,
            store=self._store,
            directory=self.directory,
            contacts=self.directory,
            notifier=self._notifier,
            clock=clock,
            settings=settings.consent,
            public_url=settings.customer.public_url or "",
            token_key=ensure_key(settings.keys_dir),
            secret=derive(root, "consent/links"),
        )
        self.live = LiveSessions()
        self.consents.on_ended(self._cut)
        self.station = Station(
            Ground(
                settings=settings.cwmp,
                clock=clock,
                journal=journal,
                inventory=self._cpes,
                policy=partial(_cwmp_policy, policy),
                site=site_of(settings.policy, cwmp=settings.cwmp),
                on_bootstrap=self._router_reset,
                lock=settings.data_dir / "cwmp.lock",
            )
        )
        self.registry.on_cpe = self.station.registered
        self._cpes.on_changed = self.station.changed
        self.service = AccessService(
            Parts(
                settings=settings,
                clock=clock,
                journal=journal,
                directory=self.directory,
                consents=self.consents,
                policy=policy,
                definitions={name: load_definition(name) for name in platforms()},
                driver=driver or PlatformDrivers(SshDriver(), {PLATFORM: self.station.driver}),
                script_driver=driver or PlatformDrivers(BatchDriver(), {PLATFORM: self.station.driver}),
                live=self.live,
            )
        )
        self.admin = Administration(
            self.registry, journal, on_suspended=lambda name: self.live.end_person(name, "suspended")
        )
        self._ssh: asyncio.Server | None = None
        self._http: list[HttpListener] = []
        self._log_site: HttpListener | None = None
        self._expiry: asyncio.Task[None] | None = None
        self._retention: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._feeds: list[FeedThread] = []
        self.failed = asyncio.Event()
        """Set when the journal can no longer write: the process must end and recover."""

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        clock: Clock | None = None,
        driver: Driver | None = None,
        notifier: Notifier | None = None,
        journal: Journal | None = None,
    ) -> "House":
        """Open everything but the listeners. Raises `ConfigError`, `LogDamaged`, `RecordFailed`.

        What is given takes the place of what the settings say; a journal is closed with the house.
        """
        if not (settings.keys_dir / "root.key").exists():
            raise ConfigError(f"{settings.data_dir} is not set up yet; run `vestibule init` first.")
        refuse_if_begun(settings)
        clock = clock or SystemClock()
        if journal is None:
            journal = await asyncio.to_thread(
                Journal.open,
                settings.evidence_dir,
                keys_dir=settings.keys_dir,
                origin=f"logs.{settings.tenant}",
                clock=clock,
                signer_socket=settings.evidence.signer_socket,
                objects=objects_of(settings),
                database=database_of(settings.evidence),
                attestation=attestation_of(settings.evidence),
            )
        try:
            house = cls(settings, clock, driver, notifier, journal)
            await house._catch_up()
        except BaseException:
            journal.close()
            raise
        return house

    async def _catch_up(self) -> None:
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.call_soon_threadsafe(self._poisoned)

        self.journal.on_poison(tell)
        self.journal.on_end_elsewhere(lambda found: loop.call_soon_threadsafe(self._ended_elsewhere, found))
        # Before the state is brought in line with the log: it says how old it is, and so what to erase again in it.
        self.custody = await Custody.open(
            self.journal,
            self.clock,
            self.settings,
            StatePersons(
                self._database,
                self._vault,
                outbox=self.settings.outbox_dir,
                on_erased=self._cpes.forget_subscriber,
            ),
            self.purgeable,
            directory=self.settings.evidence_dir,
        )
        self.exports = Exports(
            self.journal,
            self.clock,
            evidence_dir=self.settings.evidence_dir,
            keys_dir=self.settings.keys_dir,
            controller=self.settings.consent.controller,
            witness_policy=self.settings.evidence.witness_policy,
            approvals=self.custody.approvals,
            persons=self.settings.evidence.unseal_persons,
        )
        self.reading = Reading(
            self.journal,
            self.clock,
            index=self._index,
            approvals=self.custody.approvals,
            persons=self.settings.evidence.unseal_persons,
            minutes=self.settings.evidence.unseal_minutes,
        )
        self.board = StatusBoard(
            self.journal, self.settings, self.live, index=self._index, approvals=self.custody.approvals
        )
        reader = self.journal.reader()
        try:
            await self.consents.reconcile(reader)
        finally:
            reader.close()
        await self.consents.expire_due()
        await self.service.parts.policy.started(self.journal)

    async def reload_policy(self) -> None:
        """Read the policy again, as SIGHUP asks; what is wrong with it is logged and changes nothing."""
        try:
            switched = await self.service.reload_policy(None)
        except VestibuleError as error:
            log.error("policy_not_reloaded", step=str(error), error_type=type(error).__name__)
        else:
            log.info("policy_reloaded", step="nothing changed" if switched.before == switched.after else switched.after)

    async def _router_reset(self, router_id: str) -> None:
        """A CPE said that it was reset or moved to this gateway: what was agreed to is asked for anew."""
        ended = await self.consents.router_reset(router_id)
        log.info("router_reset", count=len(ended))

    def _cut(self, consent_id: str, reason: str) -> None:
        self.live.end_consent(consent_id, reason)

    def _ended_elsewhere(self, found: Outline) -> None:
        """Another worker of the log recorded an end."""
        if found.kind in CONSENT_ENDS and found.consent_ref is not None:
            self._cut(found.consent_ref, CONSENT_ENDS[found.kind])
        session = None if found.session is None else self.live.get(found.session)
        if session is not None and found.kind in SESSION_STATES:
            session.end(SESSION_STATES[found.kind])

    def _poisoned(self) -> None:
        log.critical("journal_lost")
        self.live.end_all("record_failed")
        self.failed.set()

    # --- serving -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the listeners. Raises `ConfigError` if an address cannot be had."""
        settings = self.settings
        customer = bind_tcp(settings.customer.host, settings.customer.port, "customer.port")
        self._http.append(HttpListener(customer_app(self.consents, settings, copies=self.exports), customer))
        if settings.customer.public_url is None:
            self.consents.public_url = f"http://{settings.customer.host}:{self._http[0].port}"
        prober = Prober(fetch_host_key=fetch_host_key, detect_platform=detect_platform)
        app = api_app(
            self.service,
            self.admin,
            prober,
            keeper=self.custody,
            exports=self.exports,
            reading=self.reading,
            board=self.board,
            desk=self.station,
        )
        self._http.append(HttpListener(app, bind_unix(settings.api_socket), peer=True))
        if settings.api.port is not None:
            self._http.append(HttpListener(app, bind_tcp(settings.api.host, settings.api.port, "api.port")))
        if settings.log_site.port is not None:
            self._log_site = self._public_log()
            self._http.append(self._log_site)
        if settings.review.port is not None:
            self._review = self._review_pages()
            self._http.append(self._review)
        for listener in self._http:
            await listener.start()
        try:
            self._ssh = await listen(
                settings.ssh.host,
                settings.ssh.port,
                front_door(self.service, ca_keys(settings.ssh.user_ca_keys)),
                host_key(settings),
                grace=settings.ssh.login_grace_seconds,
                most=settings.ssh.max_connections,
            )
        except OSError as error:
            raise ConfigError(
                f"Cannot listen on {settings.ssh.host} port {settings.ssh.port} ({error.strerror}); change ssh.port."
            ) from error
        await self.station.start()
        self._expiry = asyncio.create_task(self._expire())
        self._watching = asyncio.create_task(self._watch())
        if settings.retention.automatic:
            self._retention = asyncio.create_task(self._retain())
        await self._start_feeds()
        if self._index is not None:
            self._indexer = Indexer(self.journal.reader, self._index, output=settings.search.output)
            self._indexer.start()

    def _review_pages(self) -> HttpListener:
        """The auditors' pages, on a listener of their own."""
        review = self.settings.review
        app = review_app(self.service, self.reading, self.exports, self.custody.deciding, name_of=self._name_of)
        listener = HttpListener(app, bind_tcp(review.host, review.port or 0, "review.port"))
        self.service.web_links.address = review.public_url or f"http://{review.host}:{listener.port}"
        return listener

    async def _name_of(self, principal_id: str) -> str:
        """The login name of somebody; their id if they are gone."""
        return next(
            (person.name for person in await self.registry.persons() if person.id == principal_id), principal_id
        )

    @property
    def review_port(self) -> int | None:
        """TCP port of the auditors' pages, if there are any."""
        return None if self._review is None else self._review.port

    async def _start_feeds(self) -> None:
        """Each feed's start is on record before it reads anything."""
        feeds = feeding.usable(self.settings)
        for feed in feeds:
            await self.journal.append(feeding.started(feed))
        self._feeds = [feeding.thread(self.settings, feed, self.clock) for feed in feeds]
        for thread in self._feeds:
            thread.start()

    def _public_log(self) -> HttpListener:
        """The site of the published log, on a listener of its own."""
        site = self.settings.log_site
        # Beside other workers the files are those of the time when this one led; what all deliver to is the newest.
        shared = None if self.settings.evidence.store == "sqlite" else objects_of(self.settings)
        tiles = shared or FileTileStore.open(self.settings.evidence_dir / PUBLISHED)
        return HttpListener(log_site(tiles), bind_tcp(site.host, site.port or 0, "log_site.port"))

    @property
    def log_site_port(self) -> int | None:
        """TCP port of the log's site, if it has one."""
        return None if self._log_site is None else self._log_site.port

    @property
    def ssh_port(self) -> int:
        """Where ssh clients connect."""
        assert self._ssh is not None
        return int(self._ssh.sockets[0].getsockname()[1])

    @property
    def api_port(self) -> int | None:
        """TCP port of the REST API, if it has one."""
        return self._http[2].port if self.settings.api.port is not None and len(self._http) > 2 else None

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_SECONDS)
            try:
                await self.consents.expire_due()
            except Exception as error:
                # Never the last round: the journal may be busy and no more. If it is lost, `failed` ends the process.
                log.exception("expiry_failed", error_type=type(error).__name__)

    async def _retain(self) -> None:
        """Once a day, destroy what is due."""
        while True:
            try:
                plan = await self.custody.retention.run_scheduled()
                log.info("retention_ran", count=len(plan.due))
            except Exception as error:
                log.exception("retention_failed", error_type=type(error).__name__)
            await asyncio.sleep(RETENTION_SECONDS)

    async def _watch(self) -> None:
        """Say once what is not as it should be: each warning when it is new, and when the last one is over."""
        known: set[str] = set()
        while True:
            try:
                found = (await self.board.look()).warnings
                kinds = {"".join(char for char in warning if not char.isdigit()) for warning in found}
                if kinds - known:
                    log.warning("status", step=" ".join(found), count=len(found))
                elif known and not kinds:
                    log.info("status", step="all is well again")
                known = kinds
            except Exception as error:
                log.exception("status_failed", error_type=type(error).__name__)
            await asyncio.sleep(STATUS_SECONDS)

    async def stop(self, reason: str = "shutdown") -> None:
        """Stop serving: no new clients, sessions closed and recorded, journal closed."""
        if self._ssh is not None:
            self._ssh.close()
        self.live.end_all(reason)
        for _ in range(200):
            if not len(self.live):
                break
            await asyncio.sleep(0.02)
        await self.station.stop()
        for task in (self._expiry, self._retention, self._watching):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        for listener in self._http:
            await listener.stop()
        for feed in self._feeds:
            await asyncio.to_thread(feed.stop)
        if self._indexer is not None:
            await asyncio.to_thread(self._indexer.stop)
        if self._index is not None:
            self._index.close()
        await self._notifier.close()
        with contextlib.suppress(Unavailable):  # what CPEs said of themselves, they say again
            await self._cpes.close()
        self._database.close()
        await asyncio.to_thread(self.journal.close)


def _cwmp_policy(policy: PolicyInForce) -> CwmpPolicy:
    """The part of the policy in force that is about CPEs; the shipped tables always have it."""
    assert policy.bundle.cwmp is not None
    return policy.bundle.cwmp


def ca_keys(path: Path | None) -> frozenset[str]:
    """Public keys of the CAs whose user certificates count. Raises `ConfigError`."""
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"ssh.user_ca_keys: cannot read {path} ({type(error).__name__}).") from error
    return frozenset(" ".join(line.split()[:2]) for line in lines if line.strip() and not line.startswith("#"))


async def serve(settings: Settings, *, ready: Callable[[House], None] | None = None) -> int:
    """Run until SIGTERM or SIGINT, or until the journal fails. SIGHUP reads the policy again. Gives the exit status."""
    import gc
    import signal

    from gateway import exits

    house = await House.open(settings)
    await house.start()
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(house.reload_policy())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at again
    gc.set_threshold(10_000, 20, 20)  # sessions are many and mostly not cyclic; looking at all of them often is dear
    if ready is not None:
        ready(house)
    waiting = [asyncio.create_task(done.wait()), asyncio.create_task(house.failed.wait())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    failed = house.failed.is_set()
    await house.stop("record_failed" if failed else "shutdown")
    return exits.RECORD_FAILED if failed else exits.OK

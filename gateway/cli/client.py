"""The REST API as a client: over the Unix socket of this machine, or by URL with a token. Counterpart: `gateway.api`.

Over the socket the kernel tells the gateway who is there, so nothing is asked and nothing is stored. What the gateway
refuses comes as `application/problem+json` (RFC 9457) and is raised as `Refused` with its own sentence.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import httpx

from config.errors import ConfigError
from config.files import read_private
from gateway import exits
from gateway.errors import GatewayError, Unavailable

if TYPE_CHECKING:
    from gateway.cli.call import Call

SPACE: Final = "urn:vestibule:problem:"
PATIENCE: Final = httpx.Timeout(90.0, connect=10.0)
"""A look at a router takes up to a minute; waiting for a decision is asked for in shorter pieces."""

_EXIT: Final[Mapping[str, int]] = {
    "bad-request": exits.USAGE,
    "invalid": exits.USAGE,
    "no-such-path": exits.USAGE,
    "method": exits.USAGE,
    "too-large": exits.USAGE,
    "not-authenticated": exits.NOT_PERMITTED,
    "consent": exits.NOT_PERMITTED,
    "not-allowed": exits.NOT_PERMITTED,
    "record-failed": exits.RECORD_FAILED,
    "record-unavailable": exits.RECORD_FAILED,
    "internal": exits.INTERNAL,
}
"""By kind of problem; every other one may be tried again later."""


class Refused(GatewayError):
    """The gateway said no. `code` is its stable word, `exit` the status for it."""

    def __init__(self, message: str, code: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.exit = status


class Api:
    """One conversation with a gateway. Paths begin with a slash; bodies and answers are JSON values."""

    def __init__(self, client: httpx.Client, place: str) -> None:
        self._client = client
        self._place = place

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """Read. Query values that are none are left out. Raises `Refused`, `Unavailable`."""
        return self._ask("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Do. Values that are none are left out. Raises as `get`."""
        return self._ask("POST", path, json=_given(body))

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Set. Raises as `get`."""
        return self._ask("PUT", path, json=dict(body))

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change what is named, to none where it is none. Raises as `get`."""
        return self._ask("PATCH", path, json=dict(body))

    def delete(self, path: str, **query: Any) -> Any:
        """Take away. Raises as `get`."""
        return self._ask("DELETE", path, params={name: value for name, value in query.items() if value is not None})

    def _ask(self, method: str, path: str, **what: Any) -> Any:
        try:
            answer = self._client.request(method, path, **what)
        except httpx.TransportError as error:
            raise Unavailable(
                f"No gateway answers at {self._place}{_why(error)}; `vestibule serve` runs one."
            ) from error
        if answer.is_success:
            return None if answer.status_code == 204 or not answer.content else self._value(answer)
        raise self._refusal(answer)

    def _value(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise self._stranger(answer) from error

    def _refusal(self, answer: httpx.Response) -> GatewayError:
        try:
            problem = answer.json()
            kind = str(problem["type"]).removeprefix(SPACE)
            message, code = str(problem["detail"]), str(problem["code"])
            wrong = "".join(f"\n{one['field']}: {one['reason']}." for one in problem.get("errors") or ())
        except (ValueError, KeyError, TypeError):
            return self._stranger(answer)
        return Refused(message + wrong, code, _EXIT.get(kind, exits.UNAVAILABLE))

    def _stranger(self, answer: httpx.Response) -> GatewayError:
        return Unavailable(f"What answers at {self._place} is not a gateway's REST API (status {answer.status_code}).")


def connect(call: "Call") -> Api:
    """By URL and token if a URL was given, else by this machine's socket. Raises `ConfigError`."""
    injected = call.programs.transport
    if call.url is None:
        path = Path("api.sock") if injected is not None else _socket(call)
        transport = injected or httpx.HTTPTransport(uds=str(path))
        client = httpx.Client(transport=transport, base_url="http://gateway", timeout=PATIENCE)
        return Api(client, str(path))
    url = _checked(call.url)
    if call.token_file is None:
        raise ConfigError("--url needs --token-file: over the network a service-account token says who you are.")
    token = read_private(call.token_file).decode("ascii", "replace").strip()
    if not token.isascii() or not token.isprintable() or not token:
        raise ConfigError(f"{call.token_file}: holds no token.")
    headers = {"Authorization": f"Bearer {token}"}
    return Api(httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, transport=injected), str(url))


def _socket(call: "Call") -> Path:
    """This machine's socket, seen to be there: what is not there needs no attempt."""
    path = call.settings().api_socket
    try:
        path.stat()
    except OSError as error:
        raise Unavailable(f"No gateway answers at {path} ({error.strerror}); `vestibule serve` runs one.") from error
    return path


def _checked(text: str) -> httpx.URL:
    """A URL that a token may be sent to: HTTPS, or this machine."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ConfigError("--url is no URL; it looks like https://gateway.isp.example.") from error
    if url.scheme == "http" and _is_loopback(url.host):
        return url
    if url.scheme != "https" or not url.host:
        raise ConfigError("--url must begin with https:// (http:// only for this machine): it carries a token.")
    if url.userinfo:
        raise ConfigError("--url must not hold a name or password.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _given(body: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (body or {}).items() if value is not None}


def _why(error: httpx.TransportError) -> str:
    """The system's own word for it; never the request, which holds a token."""
    if isinstance(error, httpx.TimeoutException):
        return ": it did not answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return f" ({cause.strerror})"
        cause = cause.__cause__ or cause.__context__
    return ""

"""libcurl's easy interface, as C programs use it: one handle, one connection kept open, cookies, any sign-in.

The CPE programs of many routers stand on this library, so what it does with 401, cookies, `Expect: 100-continue`, TLS
and connections that close is what the listener must get on with.
"""

import ctypes
import ctypes.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_LONG, _OBJECT, _FUNCTION = 0, 10_000, 20_000
_URL, _USERPWD, _HTTPHEADER = _OBJECT + 2, _OBJECT + 5, _OBJECT + 23
_COOKIEFILE, _CAINFO, _SSLCERT, _SSLKEY, _ACCEPT_ENCODING = (
    _OBJECT + 31,
    _OBJECT + 65,
    _OBJECT + 25,
    _OBJECT + 87,
    _OBJECT + 102,
)
_COPYPOSTFIELDS: Final = _OBJECT + 165
_WRITEFUNCTION, _HEADERFUNCTION = _FUNCTION + 11, _FUNCTION + 79
_POST, _POSTFIELDSIZE, _TIMEOUT, _HTTPAUTH, _NOSIGNAL, _HTTP_VERSION, _FOLLOW = (
    _LONG + 47,
    _LONG + 60,
    _LONG + 13,
    _LONG + 107,
    _LONG + 99,
    _LONG + 84,
    _LONG + 52,
)
_RESPONSE_CODE, _LOCAL_PORT = 0x200000 + 2, 0x200000 + 42
BASIC, DIGEST, ANY = 1, 2, ~(1 << 4)
HTTP_1_0: Final = 1
_WRITER = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)


class CurlFailed(Exception):
    """libcurl says what went wrong."""


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    headers: tuple[str, ...]
    body: bytes
    port: int
    """The client's: another one means another connection."""


@dataclass
class Curl:
    """One easy handle. Blocks: use it in a thread."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    sign_in: int = ANY
    """`ANY`: as it is asked, after a first POST with its body. `DIGEST` alone sends the first POST without its body."""
    http_1_0: bool = False
    compressed: bool = False
    cookies: bool = True
    seconds: int = 30

    def __post_init__(self) -> None:
        name = ctypes.util.find_library("curl")
        if name is None:
            raise CurlFailed("libcurl is not installed; on Debian: apt-get install libcurl4")
        self._lib: Any = ctypes.CDLL(name)
        self._lib.curl_easy_init.restype = ctypes.c_void_p
        self._lib.curl_easy_strerror.restype = ctypes.c_char_p
        self._lib.curl_slist_append.restype = ctypes.c_void_p
        self._lib.curl_slist_append.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self._handle = ctypes.c_void_p(self._lib.curl_easy_init())
        self._set_up()

    def close(self) -> None:
        """Close its connection."""
        self._lib.curl_easy_cleanup(self._handle)

    def post(self, body: bytes, headers: Sequence[str] = ()) -> Got:
        """POST and read the answer. Raises `CurlFailed`."""
        said: list[bytes] = []
        lines: list[bytes] = []
        body_writer, head_writer = _collector(said), _collector(lines)
        listed = ctypes.c_void_p(None)
        for header in headers:
            listed = ctypes.c_void_p(self._lib.curl_slist_append(listed, header.encode()))
        self._option(_HTTPHEADER, listed)
        self._option(_POSTFIELDSIZE, ctypes.c_long(len(body)))
        self._option(_COPYPOSTFIELDS, ctypes.c_char_p(body))
        self._option(_WRITEFUNCTION, body_writer)
        self._option(_HEADERFUNCTION, head_writer)
        code = self._lib.curl_easy_perform(self._handle)
        self._lib.curl_slist_free_all(listed)
        if code:
            raise CurlFailed(self._lib.curl_easy_strerror(code).decode())
        # With a sign-in there were two answers; the last one counts.
        whole = b"".join(lines).decode("latin-1").rstrip("\r\n").split("\r\n\r\n")[-1]
        return Got(self._info(_RESPONSE_CODE), tuple(whole.split("\r\n")[1:]), b"".join(said), self._info(_LOCAL_PORT))

    def _set_up(self) -> None:
        self._option(_URL, ctypes.c_char_p(self.url.encode()))
        self._option(_POST, ctypes.c_long(1))
        self._option(_NOSIGNAL, ctypes.c_long(1))
        self._option(_TIMEOUT, ctypes.c_long(self.seconds))
        self._option(_FOLLOW, ctypes.c_long(1))
        if self.user:
            self._option(_USERPWD, ctypes.c_char_p(f"{self.user}:{self.password}".encode()))
            self._option(_HTTPAUTH, ctypes.c_long(self.sign_in))
        if self.cookies:
            self._option(_COOKIEFILE, ctypes.c_char_p(b""))
        if self.http_1_0:
            self._option(_HTTP_VERSION, ctypes.c_long(HTTP_1_0))
        if self.compressed:
            self._option(_ACCEPT_ENCODING, ctypes.c_char_p(b""))
        for option, file in ((_CAINFO, self.ca_file), (_SSLCERT, self.certificate), (_SSLKEY, self.key)):
            if file is not None:
                self._option(option, ctypes.c_char_p(str(file).encode()))

    def _option(self, option: int, value: object) -> None:
        self._lib.curl_easy_setopt(self._handle, ctypes.c_int(option), value)

    def _info(self, what: int) -> int:
        value = ctypes.c_long()
        self._lib.curl_easy_getinfo(self._handle, ctypes.c_int(what), ctypes.byref(value))
        return value.value


def _collector(into: list[bytes]) -> Any:
    def collect(data: int, size: int, count: int, _user: int) -> int:
        into.append(ctypes.string_at(data, size * count))
        return size * count

    return _WRITER(collect)

"""A connection to a mirror: https only, even after redirects, with every fault in one type."""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

from clfw.text import escape

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses worth another try


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """How the network is used.

    Attributes:
        schemes: allowed in URLs; anything but https is for tests.
        timeout: seconds without data.
        rounds: passes over the mirrors without progress before giving up.
        pause: seconds before the second such pass, doubled for each further one.
    """

    schemes: frozenset[str] = frozenset({"https"})
    timeout: float = 30.0
    rounds: int = 5
    pause: float = 1.0


class MirrorFault(Exception):
    """Why a transfer failed; `final` if another try would fail the same way."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class RangeRefused(MirrorFault):
    """The mirror does not have that range of the file."""


@contextmanager
def connected(
    url: str, headers: Mapping[str, str], network: Network
) -> Iterator[http.client.HTTPResponse]:
    """The response to a GET. Network faults, even while the body is read, become `MirrorFault`."""
    try:
        request = urllib.request.Request(
            url, headers={"User-Agent": f"clfw/{metadata.version('clfw')}", **headers}
        )
        with _opener(network.schemes).open(request, timeout=network.timeout) as response:
            yield response
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"{error.code} {escape(error.reason)}"
        if error.code == 416:
            raise RangeRefused(reason, final=False) from None
        raise MirrorFault(reason, final=error.code not in TRANSIENT) from None
    except urllib.error.URLError as error:
        raise _fault(error.reason, network) from None
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _fault(error, network) from None


def _fault(error: object, network: Network) -> MirrorFault:
    if isinstance(error, TimeoutError):
        return MirrorFault(f"sent nothing for {network.timeout:g} s", final=False)
    if isinstance(error, ssl.SSLCertVerificationError):
        return MirrorFault(f"its certificate is refused: {error.verify_message}", final=True)
    text = getattr(error, "strerror", None) or str(error)
    reason = escape(text) or type(error).__name__
    return MirrorFault(reason, final=isinstance(error, http.client.InvalidURL))


def _opener(schemes: frozenset[str]) -> urllib.request.OpenerDirector:
    """An opener without the handlers for files, FTP and plain http that urllib would add."""
    opener = urllib.request.OpenerDirector()
    proxies = {k: v for k, v in urllib.request.getproxies().items() if k == "https"}
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler(proxies),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        SameSchemes(schemes),
    ]
    if "http" in schemes:
        handlers.append(urllib.request.HTTPHandler())
    for handler in handlers:
        opener.add_handler(handler)
    return opener


class SameSchemes(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to allowed schemes."""

    def __init__(self, schemes: frozenset[str]) -> None:
        self._schemes = schemes

    def http_error_302(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any
    ) -> Any:
        target = headers.get("Location", headers.get("URI", ""))
        scheme = urlsplit(target).scheme  # none if the URL is relative
        if scheme and scheme not in self._schemes:
            if fp is not None:
                fp.close()
            raise MirrorFault(f"redirects to '{escape(scheme)}:', which is refused", final=True)
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

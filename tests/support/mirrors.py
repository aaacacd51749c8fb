"""A small web server whose answers a test scripts: whole, cut short, hanging, redirected."""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from clfw.fetch.http import Network
from clfw.fetch.remote import Remote

PLAIN = Network(schemes=frozenset({"http"}), timeout=5.0, rounds=3, pause=0.0)

Answer = Callable[["Handler"], None]


def content(size: int, seed: int = 0) -> bytes:
    """`size` bytes that look like nothing else."""
    blocks = (hashlib.sha256(f"{seed}:{i}".encode()).digest() for i in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def sha256(data: bytes) -> str:
    """The checksum of `data`."""
    return hashlib.sha256(data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers as the mirror's script says."""

    mirror: "Mirror"

    def do_GET(self) -> None:
        self.mirror.asked.append((self.path, self.headers.get("Range", "")))
        script = self.mirror.answers[self.path]
        if not script:
            self.send_error(404)
            return
        answer = script.pop(0) if len(script) > 1 else script[0]
        answer(self)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""

    @property
    def start(self) -> int:
        """Where the asked range begins; 0 for everything."""
        return int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])

    def begin(self, status: int, **headers: object) -> None:
        """Send a status line and headers; `_` stands for a dash."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def begin_part(self, data: bytes, etag: str) -> int:
        """Send the head of a whole or partial answer; where its body begins."""
        start = self.start
        changed = etag and self.headers.get("If-Range", etag) != etag
        marks = {"ETag": etag} if etag else {}
        if not start or changed:
            self.begin(200, Content_Length=len(data), **marks)
            return 0
        if start >= len(data):
            self.begin(416, Content_Length=0)
            return len(data)
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.begin(206, Content_Length=len(data) - start, Content_Range=span, **marks)
        return start


class Mirror:
    """What it answers, by path, and what it was asked."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[tuple[str, str]] = []
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.closing = threading.Event()

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"{self.address}{path}"

    def put(self, path: str, *answers: Answer) -> str:
        """Answer so to one request after the other; the last answer stays. The address."""
        self.answers[path] = list(answers)
        return self.url(path)

    def ranges(self, path: str) -> list[str]:
        """The Range header of each request for a path."""
        return [span for asked, span in self.asked if asked == path]

    def hang(self, data: bytes, at: int) -> Answer:
        """Send up to byte `at`, then nothing until the test is over."""

        def answer(handler: Handler) -> None:
            start = handler.begin_part(data, "")
            handler.wfile.write(data[start:at])
            handler.wfile.flush()
            self.closing.wait(20)

        return answer


def whole(data: bytes, etag: str = "") -> Answer:
    """A well-behaved answer, also to a request for a range."""

    def answer(handler: Handler) -> None:
        start = handler.begin_part(data, etag)
        handler.wfile.write(data[start:])

    return answer


def cut(data: bytes, at: int, etag: str = "") -> Answer:
    """The connection ends at byte `at` of the file."""

    def answer(handler: Handler) -> None:
        start = handler.begin_part(data, etag)
        handler.wfile.write(data[start:at])

    return answer


def stutter(data: bytes, step: int) -> Answer:
    """Every connection brings `step` bytes, then ends."""

    def answer(handler: Handler) -> None:
        start = handler.begin_part(data, "")
        handler.wfile.write(data[start : start + step])

    return answer


def always_whole(data: bytes) -> Answer:
    """The whole file, whatever range was asked for."""

    def answer(handler: Handler) -> None:
        handler.begin(200, Content_Length=len(data))
        handler.wfile.write(data)

    return answer


def ignoring_if_range(data: bytes, etag: str) -> Answer:
    """A partial answer although the file is another one by now."""

    def answer(handler: Handler) -> None:
        start = handler.start
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        handler.begin(206, Content_Length=len(data) - start, Content_Range=span, ETag=etag)
        handler.wfile.write(data[start:])

    return answer


def wrong_range(data: bytes) -> Answer:
    """A partial answer that begins elsewhere."""

    def answer(handler: Handler) -> None:
        start = handler.start - 3
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        handler.begin(206, Content_Length=len(data) - start, Content_Range=span)
        handler.wfile.write(data[start:])

    return answer


def without_length(data: bytes) -> Answer:
    """A body that ends with the connection."""

    def answer(handler: Handler) -> None:
        handler.begin(200)
        handler.wfile.write(data)

    return answer


def status(code: int) -> Answer:
    """An error."""
    return lambda handler: handler.send_error(code)


def redirect(target: str) -> Answer:
    """Go elsewhere."""
    return lambda handler: handler.begin(302, Location=target, Content_Length=0)


@contextmanager
def served() -> Iterator[Mirror]:
    """A mirror on this machine."""
    handler = type("MirrorHandler", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    mirror = handler.mirror = Mirror(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield mirror
    finally:
        mirror.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def remote_of(data: bytes, *urls: str, file: str = "file.bin", size: bool = True) -> Remote:
    """The registry's description of a file with this content."""
    return Remote(file=file, urls=urls, sha256=sha256(data), bytes=len(data) if size else None)


def files_under(folder: Path) -> dict[str, bytes]:
    """Every file by its path below `folder`."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

"""One file from its mirrors: whatever a server does, the right bytes arrive or the fault is named."""

import os
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clfw.errors import ClfwError, DataError, StorageError
from clfw.fetch.download import download
from clfw.fetch.http import MirrorFault, Network, SameSchemes, connected
from clfw.fetch.remote import Remote
from mirrors import (
    PLAIN,
    Mirror,
    always_whole,
    content,
    cut,
    ignoring_if_range,
    redirect,
    remote_of,
    served,
    sha256,
    status,
    stutter,
    whole,
    without_length,
    wrong_range,
)

DATA = content(200_000)
PATH = "/file.bin"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with served() as one:
        yield one


class Heard:
    """What a download said and counted."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bytes = 0

    def advance(self, count: int) -> None:
        self.bytes += count


def load(remote: Remote, part: Path, network: Network = PLAIN) -> tuple[str, Heard]:
    """`download` with everything it said."""
    heard = Heard()
    return download(remote, part, network, heard.advance, heard.lines.append), heard


def fails(remote: Remote, part: Path, network: Network = PLAIN) -> ClfwError:
    """The error of a download that cannot succeed."""
    with pytest.raises(ClfwError) as caught:
        load(remote, part, network)
    return caught.value


def test_a_file_arrives_whole_and_every_byte_is_counted(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, whole(DATA))
    origin, heard = load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert (origin, heard.bytes, heard.lines) == (url, len(DATA), [])


@pytest.mark.parametrize("at", [1, 65_536, 100_000, len(DATA) - 1])
def test_a_connection_that_ends_early_is_gone_on_from(mirror: Mirror, tmp_path: Path, at: int):
    url = mirror.put(PATH, cut(DATA, at), whole(DATA))
    _, heard = load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert mirror.ranges(PATH) == ["", f"bytes={at}-"]
    assert heard.bytes == len(DATA)
    assert f"the connection ended after {at:,} of 200,000 bytes" in heard.lines[0]


def test_many_short_connections_are_no_failure_while_each_brings_something(
    mirror: Mirror, tmp_path: Path
):
    url = mirror.put(PATH, stutter(DATA, 9_000))
    load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert len(mirror.asked) == -(-len(DATA) // 9_000)


def test_a_later_call_goes_on_from_what_an_earlier_one_left(mirror: Mirror, tmp_path: Path):
    part = tmp_path / "part"
    url = mirror.put(PATH, cut(DATA, 70_000, '"one"'), status(404))
    assert "404" in fails(remote_of(DATA, url), part).message
    assert part.stat().st_size == 70_000
    mirror.put(PATH, whole(DATA, '"one"'))
    _, heard = load(remote_of(DATA, url), part)
    assert part.read_bytes() == DATA
    assert mirror.ranges(PATH)[-1] == "bytes=70000-"
    assert heard.bytes == len(DATA)


def test_another_mirror_goes_on_from_what_the_first_one_sent(mirror: Mirror, tmp_path: Path):
    first = mirror.put("/one", cut(DATA, 70_000), status(404))
    second = mirror.put("/two", whole(DATA))
    origin, _ = load(remote_of(DATA, first, second), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert origin == second
    assert mirror.asked == [("/one", ""), ("/two", "bytes=70000-")]


def test_the_whole_file_in_answer_to_a_range_replaces_what_was_there(
    mirror: Mirror, tmp_path: Path
):
    url = mirror.put(PATH, cut(DATA, 70_000), always_whole(DATA))
    _, heard = load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert heard.bytes == len(DATA)


def test_a_file_that_changed_midway_is_loaded_anew(mirror: Mirror, tmp_path: Path):
    old = content(len(DATA), seed=1)
    url = mirror.put(PATH, cut(old, 70_000, '"old"'), whole(DATA, '"new"'))
    load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert len(mirror.asked) == 2


def test_a_changed_file_is_noticed_where_the_server_ignores_the_question(
    mirror: Mirror, tmp_path: Path
):
    old = content(len(DATA), seed=1)
    url = mirror.put(
        PATH, cut(old, 70_000, '"old"'), ignoring_if_range(DATA, '"new"'), whole(DATA, '"new"')
    )
    _, heard = load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert "the file changed between two connections" in heard.lines[1]
    assert mirror.ranges(PATH)[2] == ""


def test_another_range_than_asked_for_is_not_believed(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, cut(DATA, 70_000), wrong_range(DATA), whole(DATA))
    _, heard = load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert "a different range than requested" in heard.lines[1]


def test_damaged_leftovers_are_loaded_anew(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, whole(DATA))
    (tmp_path / "part").write_bytes(bytes(70_000))
    _, heard = load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert heard.bytes == len(DATA)
    assert "downloading it again" in heard.lines[0]


@pytest.mark.parametrize("size", [len(DATA) + 1, len(DATA) * 2])
def test_leftovers_longer_than_the_file_are_loaded_anew(mirror: Mirror, tmp_path: Path, size: int):
    url = mirror.put(PATH, whole(DATA))
    (tmp_path / "part").write_bytes(bytes(size))
    load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


def test_a_whole_part_needs_no_request(mirror: Mirror, tmp_path: Path):
    (tmp_path / "part").write_bytes(DATA)
    load(remote_of(DATA, mirror.put(PATH, status(500))), tmp_path / "part")
    assert mirror.asked == []


def test_mirrors_are_asked_in_order_and_no_further_than_needed(mirror: Mirror, tmp_path: Path):
    urls = [
        mirror.put("/one", status(404)),
        mirror.put("/two", whole(DATA)),
        mirror.put("/three", whole(DATA)),
    ]
    origin, heard = load(remote_of(DATA, *urls), tmp_path / "part")
    assert origin == urls[1]
    assert mirror.asked == [("/one", ""), ("/two", "")]
    assert heard.lines == [f"warning: {urls[0]}: 404 Not Found"]


def test_a_passing_fault_is_tried_again(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, status(503), status(503), whole(DATA))
    _, heard = load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert heard.lines == [
        f"warning: {url}: 503 Service Unavailable", "trying again in 0 s", "trying again in 0 s"
    ]  # fmt: skip


def test_faults_that_do_not_pass_end_in_one_error_that_names_each_mirror(
    mirror: Mirror, tmp_path: Path
):
    urls = [mirror.put("/one", status(503)), mirror.put("/two", status(403))]
    error = fails(remote_of(DATA, *urls), tmp_path / "part")
    assert isinstance(error, StorageError)
    assert error.exit_code == 74
    assert "503 Service Unavailable" in error.message
    assert "403 Forbidden" in error.message
    assert "--from PATH" in error.hint
    assert [path for path, _ in mirror.asked].count("/one") == PLAIN.rounds
    assert [path for path, _ in mirror.asked].count("/two") == 1


def test_a_server_that_falls_silent_is_left_and_gone_on_from(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, mirror.hang(DATA, 70_000), whole(DATA))
    _, heard = load(remote_of(DATA, url), tmp_path / "part", replace(PLAIN, timeout=0.2))
    assert (tmp_path / "part").read_bytes() == DATA
    assert "sent nothing for 0.2 s" in heard.lines[0]
    assert mirror.ranges(PATH)[1] == "bytes=70000-"


def test_a_server_that_never_answers_is_named(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, lambda handler: mirror.closing.wait(20))
    error = fails(remote_of(DATA, url), tmp_path / "part", replace(PLAIN, timeout=0.1, rounds=2))
    assert "sent nothing for 0.1 s" in error.message


def test_nobody_at_the_address_is_one_line(tmp_path: Path):
    with served() as gone:
        url = gone.url(PATH)
    error = fails(remote_of(DATA, url), tmp_path / "part")
    assert (error.exit_code, "\n" in error.message) == (74, False)
    assert "refused" in error.message


def test_wrong_content_names_both_checksums_and_is_kept_aside(mirror: Mirror, tmp_path: Path):
    other = content(len(DATA), seed=1)
    url = mirror.put(PATH, whole(other))
    error = fails(remote_of(DATA, url), tmp_path / "file.part")
    assert isinstance(error, DataError)
    assert error.exit_code == 65
    assert f"sha256 {sha256(other)}, expected {sha256(DATA)}" in error.message
    assert (tmp_path / "file.rejected").read_bytes() == other
    assert not (tmp_path / "file.part").exists()
    assert len(mirror.asked) == 1


def test_wrong_content_of_one_mirror_leaves_the_next_one_a_chance(mirror: Mirror, tmp_path: Path):
    urls = [mirror.put("/one", whole(content(len(DATA), 1))), mirror.put("/two", whole(DATA))]
    origin, _ = load(remote_of(DATA, *urls), tmp_path / "part")
    assert origin == urls[1]
    assert (tmp_path / "part").read_bytes() == DATA


def test_a_file_of_another_length_is_refused_before_it_is_loaded(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, whole(DATA + b"more"))
    error = fails(remote_of(DATA, url), tmp_path / "part")
    assert isinstance(error, DataError)
    assert "has 200004 bytes, expected 200000" in error.message
    assert not (tmp_path / "part").exists()


def test_a_body_without_end_is_cut_off_at_the_size(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, without_length(DATA * 20))
    error = fails(remote_of(DATA, url), tmp_path / "part")
    assert "sent more than 200,000 bytes" in error.message
    assert (tmp_path / "part").stat().st_size <= len(DATA)


@pytest.mark.parametrize("answer", [whole, without_length], ids=["length", "no length"])
def test_a_file_whose_size_the_registry_does_not_say_is_proven_by_its_checksum(
    mirror: Mirror, tmp_path: Path, answer
):
    url = mirror.put(PATH, answer(DATA))
    load(remote_of(DATA, url, size=False), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


def test_a_size_that_only_the_server_says_serves_to_go_on(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, cut(DATA, 70_000), whole(DATA))
    load(remote_of(DATA, url, size=False), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert mirror.ranges(PATH) == ["", "bytes=70000-"]


@pytest.mark.parametrize("size", [len(DATA), len(DATA) + 5])
def test_a_range_beyond_the_file_starts_over(mirror: Mirror, tmp_path: Path, size: int):
    (tmp_path / "part").write_bytes(bytes(size))
    url = mirror.put(PATH, whole(DATA))
    load(remote_of(DATA, url, size=False), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert mirror.ranges(PATH) == [f"bytes={size}-", ""]


def test_a_redirection_is_followed(mirror: Mirror, tmp_path: Path):
    mirror.put("/there", whole(DATA))
    url = mirror.put(PATH, redirect("/there"))
    origin, _ = load(remote_of(DATA, url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert origin == url


@pytest.mark.parametrize("scheme", ["file", "ftp", "https"])
def test_a_redirection_to_another_scheme_is_refused(mirror: Mirror, tmp_path: Path, scheme: str):
    """The tests' network knows plain http alone, so that https stands for any other scheme."""
    secret = tmp_path / "secret"
    secret.write_bytes(DATA)
    url = mirror.put(PATH, redirect(f"{scheme}://{secret}"))
    error = fails(remote_of(DATA, url), tmp_path / "part")
    assert f"redirects to '{scheme}:', which is refused" in error.message
    assert len(mirror.asked) == 1


def test_no_redirection_leads_from_https_to_http():
    handler = SameSchemes(Network().schemes)
    request = urllib.request.Request("https://example.org/file")
    for code in (301, 302, 303, 307, 308):
        answer = getattr(handler, f"http_error_{code}")
        with pytest.raises(MirrorFault, match="redirects to 'http:', which is refused"):
            answer(request, None, code, "", {"Location": "http://example.org/file"})


def test_a_circle_of_redirections_ends(mirror: Mirror, tmp_path: Path):
    error = fails(remote_of(DATA, mirror.put(PATH, redirect(PATH))), tmp_path / "part")
    assert "302" in error.message


def test_plain_http_is_not_spoken(mirror: Mirror):
    url = mirror.put(PATH, whole(DATA))
    with pytest.raises(MirrorFault, match="unknown url type"), connected(url, {}, Network()):
        pass
    assert mirror.asked == []


def test_control_characters_of_a_server_do_not_reach_the_terminal(mirror: Mirror, tmp_path: Path):
    url = mirror.put(PATH, lambda handler: handler.send_error(404, "gone\x1b[2J"))
    error = fails(remote_of(DATA, url), tmp_path / "part")
    assert "404 gone" in error.message
    assert error.message.isprintable()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")  # noqa: PTH110
def test_a_full_disk_is_one_line(mirror: Mirror, tmp_path: Path):
    (tmp_path / "part").symlink_to("/dev/full")
    error = fails(remote_of(DATA, mirror.put(PATH, whole(DATA))), tmp_path / "part")
    assert error.exit_code == 74
    assert "cannot be written" in error.message

"""Fetching from a server on this machine that misbehaves as real ones do; nothing leaves the machine."""

import errno
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from ganas.data import transfer
from ganas.data.fetch import checked_by, fetch
from ganas.data.sources import Source
from ganas.data.transfer import copy_file, discard, load_url
from ganas.spaces.errors import DataError, InvalidSetting

NAME = "official.bin"
CONTENT = np.random.default_rng(0).bytes(1_000_003)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server:
    """A server of one file. Its attributes are the ways in which it misbehaves; ``requests`` is what it was asked."""

    def __init__(self):
        self.content = CONTENT
        self.ranges = True
        self.says_length = True
        self.tag = '"1"'
        self.cut_at = None  # byte of the file at which the connection breaks
        self.status = None
        self.headers = {}
        self.redirect = None
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def asked(self):
        """The ``Range`` of every request, None where the whole was asked for."""
        return [headers.get("Range") for _, headers in self.requests]

    def answer(self, handler):
        if self.status is not None:
            handler.send_error(self.status)
            return
        if self.redirect is not None:
            handler.send_response(302)
            handler.send_header("Location", self.redirect)
            handler.end_headers()
            return
        start, total = 0, len(self.content)
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        same = handler.headers.get("If-Range") in (None, self.tag)
        if asked and self.ranges and same:
            start = int(asked[1])
            if start >= total:
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{total}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            handler.send_response(200)
        if self.tag:
            handler.send_header("ETag", self.tag)
        if self.says_length:
            handler.send_header("Content-Length", str(total - start))
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        with suppress(ConnectionError):  # the other side may have seen enough
            handler.wfile.write(self.content[start : self.cut_at])


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture
def official(server):
    return Source(
        name="official",
        title="A file",
        format="nasbench101",
        files=(NAME,),
        makes=("official",),
        licence="unknown",
        manual="Ask for it.",
        urls=(f"{server.address}/data/{NAME}",),
        sha256=SHA256,
        bytes=len(CONTENT),
    )


def changed(source, **changes):
    values = {name: getattr(source, name) for name in Source.__dataclass_fields__}
    return Source(**{**values, **changes})


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def message_of(caught):
    text = str(caught.value)
    assert "\n" not in text
    return text


PART, OFFER = f"{NAME}.part", f"{NAME}.part.json"


# --- a fetch that goes well --------------------------------------------------------------------------------


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("says_length", [True, False])
def test_the_file_is_there_and_nothing_else(official, server, tmp_path, ranges, says_length, capfd):
    server.ranges, server.says_length = ranges, says_length
    told = []
    path = fetch(official, folder=tmp_path / "new" / "folder", progress=lambda *numbers: told.append(numbers))
    assert path == tmp_path / "new" / "folder" / NAME
    assert path.read_bytes() == CONTENT
    assert files(path.parent) == [NAME]
    total = len(CONTENT) if says_length else None
    assert told[0] == (0, total) and told[-1] == (len(CONTENT), total)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert server.asked == [None]
    assert capfd.readouterr() == ("", "")


def test_it_goes_into_the_cache_folder(official, tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    assert fetch(official) == tmp_path / "downloads" / NAME


def test_what_is_there_is_not_loaded_again(official, server, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    assert fetch(official, folder=tmp_path) == tmp_path / NAME
    assert not server.requests


def test_leftovers_of_a_call_that_was_killed_at_its_end_are_removed(official, server, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    os.link(tmp_path / NAME, tmp_path / PART)
    (tmp_path / OFFER).write_text("{}")
    fetch(official, folder=tmp_path)
    assert files(tmp_path) == [NAME]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_the_server_is_asked_not_to_compress(official, server, tmp_path):
    fetch(official, folder=tmp_path)
    assert server.requests[0][1]["Accept-Encoding"] == "identity"
    server.headers = {"Content-Encoding": "gzip"}
    (tmp_path / NAME).unlink()
    with pytest.raises(DataError, match="sends it compressed"):
        fetch(official, folder=tmp_path)


def test_the_next_address_where_one_fails(official, server, tmp_path):
    nowhere = f"http://127.0.0.1:{unused_port()}/{NAME}"
    assert fetch(changed(official, urls=(nowhere, *official.urls)), folder=tmp_path).read_bytes() == CONTENT


def test_a_file_system_without_links(official, tmp_path, monkeypatch):
    def refuse(*arguments, **keywords):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert files(tmp_path) == [NAME]
    (tmp_path / NAME).unlink()
    with pytest.raises(DataError, match="its digest is wrong"):
        fetch(changed(official, sha256="0" * 64), folder=tmp_path)
    assert files(tmp_path) == []


# --- a connection that breaks ------------------------------------------------------------------------------


def break_at(official, server, folder, byte):
    """Fetch from a server that cuts the connection; return how much of the file is kept."""
    server.cut_at = byte
    with pytest.raises(DataError) as caught:
        fetch(official, folder=folder)
    server.cut_at = None
    server.requests.clear()
    text = message_of(caught)
    assert official.urls[0] in text
    assert files(folder) in ([], [PART, OFFER])
    kept = (folder / PART).stat().st_size if (folder / PART).exists() else 0
    assert (f"kept in {folder / PART}, and the same command goes on" in text) == (kept > 0)
    return kept


def test_the_next_call_goes_on(official, server, tmp_path):
    kept = break_at(official, server, tmp_path, 700_000)
    # What was in the buffer is lost.
    assert 700_000 - 2**16 <= kept <= 700_000
    assert CONTENT.startswith((tmp_path / PART).read_bytes())
    told = []
    path = fetch(official, folder=tmp_path, progress=lambda *numbers: told.append(numbers))
    assert path.read_bytes() == CONTENT
    assert told[0] == (kept, len(CONTENT))
    assert server.asked == [f"bytes={kept}-"]
    assert server.requests[0][1]["If-Range"] == '"1"'
    assert files(tmp_path) == [NAME]


def test_it_goes_on_as_often_as_it_breaks(official, server, tmp_path):
    kept = [break_at(official, server, tmp_path, byte) for byte in (200_000, 500_000, 900_000)]
    assert kept == sorted(set(kept))
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT


def test_a_server_without_ranges_begins_again(official, server, tmp_path):
    break_at(official, server, tmp_path, 700_000)
    server.ranges = False
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert files(tmp_path) == [NAME]


def test_another_version_begins_again(official, server, tmp_path):
    other = bytes(reversed(CONTENT))
    break_at(official, server, tmp_path, 700_000)
    server.content, server.tag = other, '"2"'
    wanted = changed(official, sha256=hashlib.sha256(other).hexdigest())
    assert fetch(wanted, folder=tmp_path).read_bytes() == other


@pytest.mark.parametrize("tag", ["", 'W/"1"'])
@pytest.mark.parametrize("length", [500_000, 800_000, len(CONTENT) + 1])
def test_another_size_begins_again(official, server, tmp_path, tag, length):
    server.tag = tag
    break_at(official, server, tmp_path, 700_000)
    server.content = (CONTENT + b"1")[:length]
    wanted = changed(official, sha256=hashlib.sha256(server.content).hexdigest())
    assert fetch(wanted, folder=tmp_path).read_bytes() == server.content
    assert server.asked[-1] is None
    assert "If-Range" not in server.requests[0][1]


def test_a_server_that_sends_another_range_begins_again(official, server, tmp_path):
    break_at(official, server, tmp_path, 700_000)
    honest = server.answer

    def shifted(handler):
        if "Range" in handler.headers:
            del handler.headers["Range"]
            handler.headers["Range"] = "bytes=5-"
        honest(handler)

    server.answer = shifted
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] is None


def test_a_part_from_one_address_goes_on_from_another(official, server, tmp_path):
    kept = break_at(official, server, tmp_path, 700_000)
    server.tag = '"on the mirror"'
    path = fetch(official, folder=tmp_path, mirror=f"{server.address}/mirror")
    assert path.read_bytes() == CONTENT
    assert server.asked == [f"bytes={kept}-"]
    assert "If-Range" not in server.requests[0][1]


def test_nothing_is_kept_where_the_size_is_unknown(official, server, tmp_path):
    server.says_length = False
    server.headers = {"Transfer-Encoding": "chunked"}
    server.content = b"100\r\n" + bytes(256) + b"\r\n100\r\nbroken"
    with pytest.raises(DataError) as caught:
        fetch(official, folder=tmp_path)
    assert "kept" not in message_of(caught)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"url": 1, "version": "", "total": 5}', '{"url": "", "version": "", "total": "5"}', "\xff"]
)
def test_a_damaged_note_begins_again(official, server, tmp_path, text):
    break_at(official, server, tmp_path, 700_000)
    (tmp_path / OFFER).write_bytes(text.encode("latin1"))
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert server.asked == [None]


def test_a_part_that_is_whole_is_not_loaded_again(official, server, tmp_path):
    (tmp_path / PART).write_bytes(CONTENT)
    (tmp_path / OFFER).write_text(json.dumps({"url": "", "version": "", "total": len(CONTENT)}))
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert not server.requests


def test_a_part_that_is_longer_than_the_file_begins_again(official, server, tmp_path):
    (tmp_path / PART).write_bytes(CONTENT + b"more")
    (tmp_path / OFFER).write_text(json.dumps({"url": "", "version": "", "total": len(CONTENT) + 9}))
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT) + 4}-", None]


@pytest.mark.parametrize("byte", [100_000, len(CONTENT)])
def test_an_interrupt_keeps_the_part(official, server, tmp_path, byte):
    def interrupt(done, total):
        if done >= byte:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(official, folder=tmp_path, progress=interrupt)
    kept = (tmp_path / PART).stat().st_size
    assert kept >= byte - 2**16 and files(tmp_path) == [PART, OFFER]
    server.requests.clear()
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert server.asked == ([f"bytes={kept}-"] if kept < len(CONTENT) else [])


def test_an_interrupt_while_the_digest_is_checked_keeps_the_part(official, server, tmp_path, monkeypatch):
    def interrupt(*arguments, **keywords):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pooch.core.hash_matches", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(official, folder=tmp_path)
    assert files(tmp_path) == [PART, OFFER]
    server.requests.clear()
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert not server.requests


def test_a_process_that_is_killed_leaves_a_part(official, server, tmp_path):
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ganas.data.transfer import load_url\n"
        "def kill(done, total):\n"
        "    if done > 500_000:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "load_url(sys.argv[1], Path(sys.argv[2]), kill)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, official.urls[0], str(tmp_path / PART)], capture_output=True, check=False
    )
    assert killed.returncode == -9, killed.stderr
    assert files(tmp_path) == [PART, OFFER]
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert server.asked[-1].startswith("bytes=")


# --- digests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digests", "named"),
    [
        ({"sha256": "0" * 64}, SHA256),
        ({"sha256": None, "digest_suffix": "000000"}, MD5),
        ({"sha256": "0" * 64, "digest_suffix": MD5[-6:]}, SHA256),
    ],
)
def test_a_wrong_digest_leaves_nothing(official, server, tmp_path, digests, named):
    with pytest.raises(DataError) as caught:
        fetch(changed(official, **digests), folder=tmp_path)
    text = message_of(caught)
    assert f"is not {NAME} as it was published, and the copy of it was removed" in text
    assert named in text and official.urls[0] in text
    assert files(tmp_path) == []


def test_the_digits_of_a_name_are_enough_where_no_more_is_published(official, tmp_path):
    suffixed = changed(official, sha256=None, digest_suffix=MD5[-5:])
    assert fetch(suffixed, folder=tmp_path).read_bytes() == CONTENT
    unchecked = changed(official, sha256=None, digest_suffix=None)
    assert fetch(unchecked, folder=tmp_path / "2").read_bytes() == CONTENT
    assert checked_by(official) == "its published SHA-256 digest"
    assert checked_by(suffixed).startswith("the last 5 digits of its MD5 digest")
    assert checked_by(unchecked).startswith("nothing")


def test_digits_that_are_inferred_to_be_of_the_digest_refuse_nothing(official, tmp_path):
    inferred = changed(official, sha256=None, digest_suffix="000000", digest_inferred=True)
    path = fetch(inferred, folder=tmp_path)
    assert path.read_bytes() == CONTENT and files(tmp_path) == [NAME]
    assert fetch(inferred, folder=tmp_path) == path
    given = "the last digits 000000 that its authors give, taken to be of its MD5 digest"
    assert checked_by(inferred) == given
    assert checked_by(inferred, path).startswith(f"{given}: they are not, that digest is {MD5}. ")
    right = changed(inferred, digest_suffix=MD5[-6:])
    assert checked_by(right, path) == checked_by(right) == given.replace("000000", MD5[-6:])
    # A full digest that was published still decides.
    with pytest.raises(DataError, match="was removed"):
        fetch(changed(inferred, sha256="0" * 64), folder=tmp_path / "2")


@pytest.mark.parametrize("digests", [{}, {"sha256": None, "digest_suffix": MD5[-6:]}])
def test_a_damaged_file_is_replaced(official, tmp_path, digests):
    (tmp_path / NAME).write_bytes(CONTENT[:-1])
    assert fetch(changed(official, **digests), folder=tmp_path).read_bytes() == CONTENT
    assert files(tmp_path) == [NAME]


@pytest.mark.parametrize("digests", [{}, {"sha256": None, "digest_suffix": MD5[-6:]}])
def test_a_damaged_file_stays_while_there_is_no_better_one(official, server, tmp_path, digests):
    (tmp_path / NAME).write_bytes(b"damaged")
    server.status = 503
    with pytest.raises(DataError, match="HTTP 503"):
        fetch(changed(official, **digests), folder=tmp_path)
    server.status, server.content = None, b"also damaged"
    with pytest.raises(DataError, match=r"not official\.bin as it was published"):
        fetch(changed(official, **digests), folder=tmp_path)
    assert files(tmp_path) == [NAME]
    assert (tmp_path / NAME).read_bytes() == b"damaged"


# --- mirrors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/", "/deep/er", f"/deep/{NAME}", f"/deep/{NAME}?token=a", "/deep/?token=a"])
def test_a_mirror_on_the_network(official, server, tmp_path, ending):
    path = fetch(changed(official, urls=()), folder=tmp_path, mirror=server.address + ending)
    assert path.read_bytes() == CONTENT and files(tmp_path) == [NAME]
    ((asked, _),) = server.requests
    folder = "/deep/er/" if ending == "/deep/er" else "/deep/" if "deep" in ending else "/"
    assert asked == f"{folder}{NAME}{'?token=a' if 'token' in ending else ''}"


@pytest.mark.parametrize("form", ["folder", "file", "folder address", "file address", "path", "localhost"])
def test_a_mirror_on_a_disk(official, server, tmp_path, form):
    folder = tmp_path / "a mirror"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    mirror = {
        "folder": str(folder),
        "file": str(folder / NAME),
        "folder address": folder.as_uri(),
        "file address": (folder / NAME).as_uri(),
        "path": folder,
        "localhost": folder.as_uri().replace("file://", "file://localhost"),
    }[form]
    path = fetch(official, folder=tmp_path / "here", mirror=mirror)
    assert path.read_bytes() == CONTENT and files(path.parent) == [NAME]
    assert files(folder) == [NAME]
    assert not server.requests


def test_the_file_of_a_mirror_may_have_another_name(official, tmp_path):
    (tmp_path / "kept for years.bin").write_bytes(CONTENT)
    assert fetch(official, folder=tmp_path / "here", mirror=tmp_path / "kept for years.bin").name == NAME


def test_a_mirror_with_another_file_is_refused(official, server, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT[:-1])
    with pytest.raises(DataError) as caught:
        fetch(official, folder=tmp_path / "here", mirror=tmp_path)
    assert message_of(caught).startswith(f"{tmp_path / NAME} is not {NAME} as it was published")
    assert files(tmp_path / "here") == []
    assert (tmp_path / NAME).exists()


@pytest.mark.parametrize(
    ("mirror", "error", "message"),
    [
        ("ftp://host/folder", InvalidSetting, "is ftp: wanted is http, https, file or a path"),
        ("s3://bucket", InvalidSetting, "is s3"),
        ("http://", InvalidSetting, "has no host"),
        ("https:folder", InvalidSetting, "has no host"),
        ("file://host/folder", InvalidSetting, "is on the host 'host'"),
        ("nowhere", DataError, f"the mirror nowhere holds no {NAME}"),
        ("", DataError, f"holds no {NAME}"),
        ("file:///nowhere", DataError, f"holds no {NAME}"),
    ],
)
def test_a_mirror_that_is_none(official, tmp_path, monkeypatch, mirror, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=re.escape(message)) as caught:
        fetch(official, folder=tmp_path / "here", mirror=mirror)
    message_of(caught)
    assert files(tmp_path) == []


def test_secrets_of_an_address_are_not_repeated(official, server, tmp_path):
    server.status = 403
    mirror = server.address.replace("http://", "http://me:password@") + "?token=hush"
    with pytest.raises(DataError) as caught:
        fetch(official, folder=tmp_path, mirror=mirror)
    assert "password" not in message_of(caught) and "hush" not in message_of(caught)
    server.status, server.cut_at = None, 700_000
    with pytest.raises(DataError) as caught:
        fetch(official, folder=tmp_path, mirror=mirror)
    note = (tmp_path / OFFER).read_text()
    assert not any(secret in text for secret in ("password", "hush") for text in (message_of(caught), note))


# --- no way to the file ------------------------------------------------------------------------------------


def test_a_file_without_a_link_says_what_to_do(official, tmp_path):
    with pytest.raises(DataError) as caught:
        fetch(changed(official, urls=()), folder=tmp_path / "here")
    text = message_of(caught)
    assert text.startswith("official has no direct link: Ask for it.")
    assert f"ganas data convert {NAME}" in text and "ganas data fetch official --mirror" in text
    assert files(tmp_path) == []


def test_a_file_without_a_link_may_lie_there(official, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    without = changed(official, urls=(), sha256=None, digest_suffix=MD5[-6:])
    assert fetch(without, folder=tmp_path) == tmp_path / NAME
    (tmp_path / NAME).write_bytes(b"another")
    with pytest.raises(DataError, match="has no direct link"):
        fetch(without, folder=tmp_path)


@pytest.mark.parametrize("status", [404, 403, 500, 429])
def test_an_error_of_the_server(official, server, tmp_path, status):
    server.status = status
    with pytest.raises(DataError, match=f"the server answers HTTP {status} "):
        fetch(official, folder=tmp_path)
    assert files(tmp_path) == []


def test_an_error_of_the_server_keeps_what_is_there(official, server, tmp_path):
    kept = break_at(official, server, tmp_path, 700_000)
    server.status = 503
    with pytest.raises(DataError, match=r"HTTP 503 .* are kept in"):
        fetch(official, folder=tmp_path)
    server.status = None
    assert (tmp_path / PART).stat().st_size == kept
    assert fetch(official, folder=tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == f"bytes={kept}-"


def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "host.invalid"])
def test_no_network(official, tmp_path, host, monkeypatch):
    def unknown(*arguments, **keywords):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if host == "host.invalid":
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DataError) as caught:
        fetch(changed(official, urls=(f"http://{host}:{unused_port()}/{NAME}",)), folder=tmp_path)
    assert "no connection to the server; is there a network?" in message_of(caught)
    assert files(tmp_path) == []


def test_a_server_that_does_not_answer(official, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "_READ_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/{NAME}"
        with pytest.raises(DataError, match="does not answer in time"):
            fetch(changed(official, urls=(address,)), folder=tmp_path)
    assert files(tmp_path) == []


def test_a_server_that_does_not_speak_http(official, tmp_path):
    def greet():
        connection, _ = talking.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"220 welcome\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as talking:
        thread = threading.Thread(target=greet)
        thread.start()
        address = f"http://127.0.0.1:{talking.getsockname()[1]}/{NAME}"
        with pytest.raises(DataError) as caught:
            fetch(changed(official, urls=(address,)), folder=tmp_path)
        thread.join()
    message_of(caught)


@pytest.mark.parametrize("target", ["/again", "file:///etc/hostname", "ftp://host/file", "//"])
def test_a_redirect_to_nowhere(official, server, tmp_path, target):
    server.redirect = target
    with pytest.raises(DataError, match="cannot load") as caught:
        fetch(official, folder=tmp_path)
    message_of(caught)
    assert files(tmp_path) == []


# --- names from outside ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["/../../outside.bin", "/%2e%2e/outside.bin", "/a%00b", "/x?name=../outside.bin"])
def test_no_name_comes_from_an_address_or_a_header(official, server, tmp_path, ending):
    server.headers = {"Content-Disposition": 'attachment; filename="../outside.bin"', "Content-Location": "/etc/x"}
    folder = tmp_path / "deep" / "here"
    path = fetch(changed(official, urls=(server.address + ending,)), folder=folder)
    assert path == folder / NAME
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]
    path.unlink()
    fetch(official, folder=folder, mirror=server.address + ending)
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]


# --- the disk ----------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 512 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("local", [True, False])
def test_a_disk_that_is_too_small_is_seen_beforehand(official, server, tmp_path, small_disk, local):
    (tmp_path / NAME).write_bytes(CONTENT)
    with pytest.raises(DataError) as caught:
        fetch(official, folder=small_disk, mirror=tmp_path if local else None)
    assert re.search(r"has 5\d\d kB free and 1 MB are needed: make room, or set GANAS_HOME", message_of(caught))
    assert files(small_disk) == []


@pytest.mark.parametrize("says_length", [True, False])
def test_a_disk_that_fills_up(official, server, tmp_path, small_disk, says_length, monkeypatch):
    # Another program takes the room in the meantime.
    monkeypatch.setattr(transfer, "_check_room", lambda part, wanted: None)
    server.says_length = says_length
    with pytest.raises(DataError, match=f"the disk with {small_disk} is full: make room on it") as caught:
        fetch(official, folder=small_disk)
    assert files(small_disk) == ([PART, OFFER] if says_length else [])
    assert ("are kept" in message_of(caught)) == says_length
    if says_length:
        kept = (small_disk / PART).stat().st_size
        assert CONTENT.startswith((small_disk / PART).read_bytes())
        subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
        assert fetch(official, folder=small_disk).read_bytes() == CONTENT
        assert server.asked == [None, f"bytes={kept}-"]
        assert files(small_disk) == [NAME]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("local", [True, False])
def test_a_full_disk_or_quota(official, server, tmp_path, code, local, monkeypatch):
    folder = tmp_path / "here"
    write = transfer._write

    def fill(chunks, stream, have, total, progress):
        for chunk in chunks:
            write([chunk], stream, have, total, progress)
            stream.flush()
            raise OSError(code, os.strerror(code))

    (tmp_path / NAME).write_bytes(CONTENT)
    monkeypatch.setattr(transfer, "_write", fill)
    with pytest.raises(DataError, match=f"the disk with {folder} is full") as caught:
        fetch(official, folder=folder, mirror=tmp_path if local else None)
    message_of(caught)
    assert files(folder) == ([] if local else [PART, OFFER])
    monkeypatch.setattr(transfer, "_write", write)
    assert fetch(official, folder=folder).read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made(official, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot write .*file") as caught:
        fetch(official, folder=tmp_path / "file" / "folder")
    message_of(caught)
    (tmp_path / NAME).mkdir()
    with pytest.raises(DataError, match="cannot write"):
        fetch(official, folder=tmp_path)


def test_a_mirror_that_cannot_be_read(official, tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        copy_file(tmp_path / "none", tmp_path / PART)


def test_an_interrupted_copy_leaves_nothing(official, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)

    def interrupt(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(official, folder=tmp_path / "here", mirror=tmp_path, progress=interrupt)
    assert files(tmp_path / "here") == []


# --- two at once -------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="files are not locked there")
def test_two_processes_do_not_mix_their_bytes(official, server, tmp_path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ganas.data.fetch import fetch\n"
        "from ganas.data.sources import Source\n"
        "def wait(have, total):\n"
        "    if have == 0:\n"
        "        print('loading', flush=True)\n"
        "        sys.stdin.readline()\n"
        "url, digest, folder = sys.argv[1:]\n"
        f"source = Source('official', '', 'nasbench101', ({NAME!r},), ('official',), '', '', (url,), digest)\n"
        "fetch(source, folder=Path(folder), progress=wait)\n"
    )
    command = [sys.executable, "-c", program, official.urls[0], SHA256, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "loading\n"
        with pytest.raises(DataError, match=f"another process is loading {tmp_path / NAME}: wait for it"):
            fetch(official, folder=tmp_path)
        other.communicate("go on\n")
    assert other.returncode == 0
    assert len(server.requests) == 1
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert files(tmp_path) == [NAME]


def test_discarding_twice(tmp_path):
    (tmp_path / PART).touch()
    discard(tmp_path / PART)
    discard(tmp_path / PART)
    assert files(tmp_path) == []


def test_loading_alone(server, tmp_path):
    load_url(f"{server.address}/x", tmp_path / "x.part")
    assert Path(tmp_path / "x.part").read_bytes() == CONTENT

"""Transport against a server of our own: the right file, a wrong one, half of one, a dead address, none."""

from __future__ import annotations

import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fieldmark.data.download import Remote, data_folder, fetch
from fieldmark.errors import DataError

CONTENT = bytes(range(256)) * 1000
MD5 = Remote("set.bin", "md5:" + hashlib.md5(CONTENT).hexdigest())
SHA256 = Remote("set.bin", "sha256:" + hashlib.sha256(CONTENT).hexdigest())
PREFIX = Remote("set.bin", SHA256.checksum[: len("sha256:") + 8])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        place = self.path.strip("/").split("/")[0]
        if place == "missing":
            self.send_error(404)
            return
        body = b"another file" if place == "wrong" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if place == "half" else body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def at(server, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.asked.clear()
    return lambda place: f"http://127.0.0.1:{server.server_port}/{place}/"


@pytest.fixture
def dead():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize("remote", [MD5, SHA256, PREFIX])
def test_the_right_file_arrives_with_progress(at, tmp_path, remote):
    seen = []
    fetch("set", [remote], [at("right")], tmp_path / "new" / "place", lambda *step: seen.append(step))
    assert (tmp_path / "new" / "place" / "set.bin").read_bytes() == CONTENT
    assert seen[-1] == ("download set.bin", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert len(list((tmp_path / "new" / "place").iterdir())) == 1


@pytest.mark.parametrize("remote", [MD5, PREFIX])
@pytest.mark.parametrize("place", ["wrong", "half", "missing"])
def test_the_next_address_is_tried(at, dead, tmp_path, place, remote):
    fetch("set", [remote], [dead, at(place), at("right")], tmp_path)
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_the_address_that_worked_goes_first_next_time(at, server, tmp_path):
    other = Remote("other.bin", MD5.checksum)
    fetch("set", [MD5, other], [at("missing"), at("right")], tmp_path)
    assert server.asked == ["/missing/set.bin", "/right/set.bin", "/right/other.bin"]


def test_when_all_fail_one_message_names_the_files_and_the_folder(at, dead, tmp_path):
    other = Remote("other.bin", MD5.checksum)
    with pytest.raises(DataError) as caught:
        fetch("set", [MD5, other], [at("wrong"), at("half"), at("missing"), dead], tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "cannot download set",
        "wrong checksum",
        "404",
        dead,
        f"put set.bin, other.bin into {tmp_path}",
    ):
        assert part in message
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_and_whole_is_not_asked_for(at, server, tmp_path):
    (tmp_path / "set.bin").write_bytes(CONTENT)
    fetch("set", [MD5], [at("right")], tmp_path)
    assert server.asked == []


def test_a_wrong_file_that_lies_there_is_fetched_anew_and_kept_when_that_fails(at, server, dead, tmp_path):
    (tmp_path / "set.bin").write_bytes(b"put here by hand")
    with pytest.raises(DataError, match=r"put set\.bin into .* The set\.bin that lies there is another file"):
        fetch("set", [PREFIX], [dead], tmp_path)
    assert (tmp_path / "set.bin").read_bytes() == b"put here by hand"
    fetch("set", [PREFIX], [at("right")], tmp_path)
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["set.bin"]


def test_a_folder_that_cannot_be_made_is_named(at, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot make the folder .*file/set"):
        fetch("set", [MD5], [at("right")], tmp_path / "file" / "set")


def test_a_named_set_without_network_says_what_to_put_where(named_sets, dead, monkeypatch):
    from fieldmark.data.sources import cifar, idx

    monkeypatch.setattr(idx, "MNIST_ADDRESSES", (dead,))
    monkeypatch.setattr(cifar, "ADDRESSES", (dead,))
    with pytest.raises(DataError, match=f"train-images-idx3-ubyte.gz.*into {named_sets}/mnist"):
        idx.mnist()
    with pytest.raises(DataError, match=f"put cifar-10-binary.tar.gz into {named_sets}"):
        cifar.cifar10()


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FIELDMARK_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.delenv("FIELDMARK_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / ".cache" / "fieldmark"

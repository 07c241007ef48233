"""Files appear whole or not at all, and nothing planted beforehand is written through."""

import errno

import pytest

from fieldmark.errors import UserError
from fieldmark.files import replacing, write_bytes, write_json, write_text


def test_a_new_file_holds_exactly_what_was_written(tmp_path):
    write_text(tmp_path / "a.txt", "café\r\n")
    assert (tmp_path / "a.txt").read_bytes() == "café\r\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, OSError(errno.ENOSPC, "No space")])
def test_what_stood_there_stays_when_writing_fails(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("before")
    expected = UserError if isinstance(error, OSError) else error
    with pytest.raises(expected), replacing(target) as file:
        fail_halfway(file, error)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def fail_halfway(file, error):
    file.write(b"half")
    raise error


def test_only_a_full_disk_is_called_full(tmp_path):
    with pytest.raises(UserError, match="Free some disk space"), replacing(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(UserError) as caught, replacing(tmp_path / "a"):
        raise OSError(errno.EIO, "Input/output error")
    assert "space" not in str(caught.value)


def test_a_link_is_refused_and_its_target_left_alone(tmp_path):
    outside = tmp_path / "thesis.txt"
    outside.write_text("years of work")
    link = tmp_path / "answers.csv"
    link.symlink_to(outside)
    with pytest.raises(UserError, match=r"answers\.csv is a link"):
        write_text(link, "x")
    assert outside.read_text() == "years of work"


def test_a_linked_folder_inside_is_refused(tmp_path):
    outside, run = tmp_path / "outside", tmp_path / "run"
    outside.mkdir()
    run.mkdir()
    (run / "checkpoints").symlink_to(outside)
    with pytest.raises(UserError, match="checkpoints is a link"):
        write_bytes(run / "checkpoints" / "last.pt", b"x", inside=run)
    assert list(outside.iterdir()) == []


def test_a_folder_in_the_way_is_said(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UserError, match="it is a folder"):
        write_json(tmp_path / "a.json", {})


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(UserError, match="cannot write"):
        write_bytes(tmp_path / "no" / "a", b"")


def test_a_file_planted_under_a_name_of_ours_is_not_touched(tmp_path, monkeypatch):
    monkeypatch.setattr("fieldmark.files.secrets.token_hex", lambda count: "00")
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    (tmp_path / ".00.part").symlink_to(outside)
    with pytest.raises(UserError, match="exists"):
        write_bytes(tmp_path / "a", b"x")
    assert outside.read_text() == "theirs"

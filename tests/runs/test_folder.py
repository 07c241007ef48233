from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.errors import ClassifierError, UserError
from fieldmark.runs.folder import history_csv, next_free, read_json, write_text
from fieldmark.vocabulary import History


@given(st.text(), st.text())
def test_names_are_data_never_paths(data: str, model: str) -> None:
    path = next_free(data, model, Path("no-such-parent"))
    assert path.parent == Path("no-such-parent")
    assert path.name not in ("", ".", "..")
    assert path.name.isascii()


def test_the_next_free_number(tmp_path: Path) -> None:
    (tmp_path / "mnist-digits-1").mkdir()
    (tmp_path / "mnist-digits-2").touch()
    assert next_free("mnist", "digits", tmp_path).name == "mnist-digits-3"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "one")
    write_text(tmp_path / "a.txt", "two")
    assert (tmp_path / "a.txt").read_text() == "two"
    with pytest.raises(UserError, match=r"cannot write .*b\.txt"):
        write_text(tmp_path / "missing" / "b.txt", "three")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_broken_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match=r"no run\.json"):
        read_json(tmp_path / "run.json")
    for text in ("{", "[]", "\ufeffnot"):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(ClassifierError, match=r"run\.json"):
            read_json(tmp_path / "run.json")


def test_history_has_whole_epochs() -> None:
    row = dict.fromkeys(History.COLUMNS, 0.123456789) | {"epoch": 1.0}
    assert history_csv(History([row])).splitlines()[1].startswith("1,0.123457,")

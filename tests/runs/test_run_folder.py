from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.errors import ClassifierError
from fieldmark.runs.run_folder import history_csv, name_of, read_json, stem
from fieldmark.vocabulary import History


@given(st.text(), st.text())
def test_names_are_data_never_paths(data: str, model: str) -> None:
    name = stem(data, model)
    assert Path(name).name == name
    assert name not in ("", ".", "..")
    assert name.isascii()
    assert len(name) < 200, "a number and an ending must still fit into 255"


@pytest.mark.parametrize("data", ["", "a\0b", "~nobody-of-this-name/x", "x" * 5000, "no/such.csv"])
def test_data_that_is_not_there_has_a_name_too(data: str) -> None:
    assert isinstance(name_of(data), str)


def test_a_folder_is_called_by_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos.v2").mkdir()
    monkeypatch.chdir(tmp_path / "photos.v2")
    assert name_of(".") == name_of(tmp_path / "photos.v2") == "photos.v2"


def test_broken_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match=r"no run\.json"):
        read_json(tmp_path / "run.json")
    for text in ("{", "[]", "\ufeffnot", "[" * 100_000):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(ClassifierError, match=r"run\.json"):
            read_json(tmp_path / "run.json")


def test_a_device_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "run.json").symlink_to("/dev/zero")
    with pytest.raises(ClassifierError, match="no ordinary file"):
        read_json(tmp_path / "run.json")


def test_history_has_whole_epochs() -> None:
    row = dict.fromkeys(History.COLUMNS, 0.123456789) | {"epoch": 1.0}
    assert history_csv(History([row])).splitlines()[1].startswith("1,0.123457,")

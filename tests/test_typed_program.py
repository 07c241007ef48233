"""What a type checker, an editor and the reference see of the public names is what there is."""

from __future__ import annotations

import ast
import importlib.metadata
from pathlib import Path
from types import ModuleType

import pytest
import typed_program

import fieldmark as fm


def test_the_typed_program_runs(tmp_path: Path) -> None:
    assert set(typed_program.main(tmp_path)) <= {"3", "5"}


@pytest.mark.parametrize("package", [fm, fm.conv], ids=["fm", "fm.conv"])
def test_type_checkers_are_told_of_every_public_name_where_it_is(package: ModuleType) -> None:
    told = {}
    for block in ast.parse(Path(str(package.__file__)).read_text("utf-8")).body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for line in block.body:
                if isinstance(line, ast.ImportFrom) and line.module != "typing":
                    told |= {str(alias.asname): f"{line.module}:{alias.name}" for alias in line.names}
    modules = {name: module for name, module in told.items() if module.startswith(f"{package.__name__}:")}
    assert {name: where for name, where in told.items() if name not in modules} == package._DOOR
    assert {*told, "__version__", "ALGORITHMS"} >= set(package.__all__) >= set(told)
    assert package.__all__ == sorted(package.__all__)


def test_the_installed_package_says_that_it_has_types() -> None:
    assert (Path(fm.__file__).parent / "py.typed").is_file()
    assert "Typing :: Typed" in importlib.metadata.metadata("fieldmark").get_all("Classifier", [])

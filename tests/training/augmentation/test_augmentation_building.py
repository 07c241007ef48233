from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from fieldmark.errors import UserError
from fieldmark.training.augmentation import Mirror, PadAndCrop, Step, Zoom, build, describe


def test_names_dicts_and_dataclasses_are_the_same():
    steps = build(["mirror", {"name": "crop", "padding": 4, "mode": "zero"}, Zoom()]).steps
    assert steps == (Mirror(0.5), PadAndCrop(4, "zero"), Zoom((0.35, 1.0), (3 / 4, 4 / 3)))


def test_settings_survive_json():
    step = build([{"name": "zoom", "area": [0.1, 0.9], "aspect": [1, 2]}]).steps[0]
    assert step == Zoom((0.1, 0.9), (1, 2))
    assert json.loads(json.dumps(describe(step))) == {"name": "zoom", "area": [0.1, 0.9], "aspect": [1, 2]}


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (["miror"], r"'miror' is not a kind of augmentation\. Closest: mirror\. All: mirror, .*cutmix"),
        (
            [{"name": "mirror", "probabilty": 1}],
            r"'probabilty' is not a setting of mirror\. Closest: probability",
        ),
        ([{"name": "trivial", "strength": 1}], "trivial has no settings; got 'strength'"),
        ([{"padding": 2}], r"\{'padding': 2\} has no name\. Names: mirror"),
        ([{"name": 3}], "'3' is not a kind of augmentation"),
        ([{"name": "mirror", "probability": "often"}], "mirror: probability='often' does not fit"),
        ([7], "name, a dict with a name, or one of the dataclasses; got 7"),
        ([Mirror], "or one of the dataclasses; got <class"),
        ("mirror", r"list of steps; got 'mirror'\. Try \['mirror'\]"),
    ],
)
def test_what_is_no_step_is_refused_with_the_way_out(steps, text):
    with pytest.raises(UserError, match=text) as caught:
        build(steps)
    assert "\n" not in str(caught.value)


def test_building_does_not_change_the_dict():
    settings = {"name": "crop", "padding": 1}
    build([settings])
    assert settings == {"name": "crop", "padding": 1}


def test_a_step_of_ones_own_cannot_be_written_into_a_recipe():
    @dataclass(frozen=True)
    class Invert(Step):
        def __call__(self, images, generator, context):
            return 255 - images

    with pytest.raises(UserError, match="Invert is not one of fieldmark's augmentations"):
        describe(Invert())


def test_the_table_is_read_without_torch():
    code = (
        "import sys; from fieldmark.training.augmentation import ABOUT, AUGMENTATIONS;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_there_is_no_other_attribute():
    from fieldmark.training import augmentation

    with pytest.raises(AttributeError, match="no attribute 'Mirrors'"):
        augmentation.Mirrors  # noqa: B018

"""`fieldmark convolve PICTURE --kernel NAME`: slide a kernel over a picture and look at what it finds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from fieldmark.cli.output import check_free, to_json
from fieldmark.cli.parsing import Switch, parse, usage
from fieldmark.errors import UserError
from fieldmark.printable import printable

if TYPE_CHECKING:
    from torch import Tensor

    from fieldmark.figures.levels import Levels


@dataclass(frozen=True)
class Convolve:
    """Slide a kernel over a picture, each colour on its own, and write the result as PNG.

    Blurs keep the scale of the picture. Kernels that sum to 1 in spite of negative numbers (sharpen, emboss)
    keep it too, cut off at black and white. All others, edges above all, are shown around grey: 0 is 128.
    """

    picture: Annotated[
        str, tyro.conf.Positional, tyro.conf.arg(metavar="PICTURE", help_behavior_hint="(needed)")
    ] = ""
    """A picture file."""
    kernel: tuple[str, ...] = ()
    """Names (fieldmark list kernels); each is applied to the result of the one before."""
    weights: str | None = None
    """A kernel of your own instead, row by row: "0 1 0; 1 -4 1; 0 1 0"; fractions such as 1/9 too."""
    out: Path | None = None
    """A PNG file; none: named after the picture and the kernels, in this folder."""
    overwrite: Switch = False
    """Replace a file that is there."""
    size: int | None = None
    """Rows and columns of a kernel that comes in sizes, in pixels."""
    sigma: float | None = None
    """Standard deviation of gaussian and gabor, in pixels."""
    wavelength: float | None = None
    """Of gabor: from stripe to stripe, in pixels."""
    degrees: float | None = None
    """Of gabor: the direction across the stripes, clockwise from the right."""
    phase: float | None = None
    """Of gabor, in degrees: 0 finds stripes, 90 edges."""
    aspect: float | None = None
    """Of gabor: how wide the bell is across the stripes, for a length of 1."""
    padding: Literal["same", "valid", "full"] = "same"
    """same keeps the size; valid stays inside the picture; full takes whatever the kernel touches."""
    boundary: Literal["reflect", "replicate", "circular", "zeros"] = "reflect"
    """What stands beyond the edge of the picture."""
    stride: int = 1
    """2 keeps every second row and column of the result, and so on."""
    flip: Switch = False
    """True convolution: the kernel turned by 180 degrees. Without it correlation, as in deep learning."""
    grey: Switch = False
    """Make the picture grey first."""
    algorithm: str = "auto"
    """How it is computed; auto takes the fastest."""
    json: Switch = False
    """Print one JSON object on stdout."""


def convolve(words: Sequence[str]) -> int:
    """`fieldmark convolve`."""
    flags = parse(Convolve(), words, verb="convolve")
    if not flags.picture:
        raise usage("which picture? fieldmark convolve PICTURE --kernel NAME, the picture first.", "convolve")
    if not flags.kernel and flags.weights is None:
        raise usage("which kernel? --kernel NAME (fieldmark list kernels), or --weights.", "convolve")
    if flags.kernel and flags.weights is not None:
        raise usage("--kernel and --weights together: give one of them.", "convolve")
    out = free_place(flags)
    chain = kernels(flags)

    from PIL import Image

    from fieldmark.figures.levels import to_levels
    from fieldmark.figures.page import write_png

    picture = read(flags)
    values, algorithms = apply(flags, chain, picture)
    levels = to_levels(
        values,
        total=math.prod(float(taps.sum()) for _, taps in chain),
        negative=any(bool((taps < 0).any()) for _, taps in chain),
        largest=math.prod(float(taps.abs().sum()) for _, taps in chain),
    )
    pixels = levels.pixels.permute(1, 2, 0).numpy()
    write_png(Image.fromarray(pixels if len(values) == 3 else pixels[:, :, 0]), out)
    told = account(out, chain, picture, values, algorithms, levels)
    print(to_json(told) if flags.json else sentence(told, levels))
    return 0


def free_place(flags: Convolve) -> Path:
    """Where the result goes. Raises UserError if it cannot go there."""
    names = "-".join(flags.kernel) if flags.kernel else "weights"
    out = flags.out or Path(f"{Path(flags.picture).stem}-{names}.png")
    if out.suffix.lower() != ".png":
        raise UserError(
            f"--out {out}: the result is written as PNG, which alters no pixel; end the name in .png."
        )
    check_free(out, flags.overwrite)
    return out


def kernels(flags: Convolve) -> list[tuple[str, Tensor]]:
    """The kernels in their order, each with its name. Raises UserError for values that make none."""
    from fieldmark.cli.taps import named, written

    if flags.stride < 1:
        raise UserError(f"--stride {flags.stride}: at least 1.")
    options = {
        name: getattr(flags, name) for name in ("size", "sigma", "wavelength", "degrees", "phase", "aspect")
    }
    if flags.weights is None:
        return named(flags.kernel, options)
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UserError(f"--{given[0]} is for named kernels; --weights says all of itself.")
    return [("weights", written(flags.weights))]


def read(flags: Convolve) -> Tensor:
    """The picture, float64 (C, H, W) from 0 to 255. Raises DataError for what cannot be read."""
    from fieldmark.data.decode.decoder import read_image
    from fieldmark.data.pixels.channels import to_channels_tensor

    picture = read_image(Path(flags.picture).expanduser())
    return (to_channels_tensor(picture[None], 1)[0] if flags.grey else picture).double()


def apply(flags: Convolve, chain: Sequence[tuple[str, Tensor]], picture: Tensor) -> tuple[Tensor, list[str]]:
    """What comes out of the last kernel, and the algorithm that each was computed with."""
    from fieldmark.cli.failures import out_of_memory
    from fieldmark.conv.plan import plan

    values, algorithms = picture, []
    try:
        for position, (_, taps) in enumerate(chain, start=1):
            stride = flags.stride if position == len(chain) else 1
            settings = (2, flags.flip, stride, flags.padding, 1, 1, flags.boundary, flags.algorithm)
            step = plan(values, taps, *settings)
            values = step(values, taps)
            algorithms.append(step.algorithm.name)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        size = f"{picture.shape[1]} x {picture.shape[2]} pixels"
        raise UserError(f"{flags.picture}: {size} need more memory than there is. Try --grey.") from error
    return values, algorithms


def account(
    out: Path,
    chain: Sequence[tuple[str, Tensor]],
    picture: Tensor,
    values: Tensor,
    algorithms: Sequence[str],
    levels: Levels,
) -> dict[str, Any]:
    """What was done, as the JSON has it; sizes are (height, width, channels) and (rows, columns)."""
    return {
        "file": str(out),
        "input": [*picture.shape[1:], picture.shape[0]],
        "output": [*values.shape[1:], values.shape[0]],
        "kernels": [
            {"name": name, "size": list(taps.shape), "algorithm": algorithm}
            for (name, taps), algorithm in zip(chain, algorithms, strict=True)
        ],
        "values": [float(values.min()), float(values.max())],
        "levels": {"zero": levels.zero, "per_level": levels.per_level, "clipped": levels.clipped},
    }


def sentence(told: dict[str, Any], levels: Levels) -> str:
    """The same for people: where it is, sizes, kernels, algorithm, and what a grey level means."""
    before, after = (" x ".join(map(str, told[key][:2])) for key in ("input", "output"))
    steps = ", ".join(
        f"{kernel['name']} {'x'.join(map(str, kernel['size']))} by {kernel['algorithm']}"
        for kernel in told["kernels"]
    )
    low, high = told["values"]
    values = f"values from {low:.4g} to {high:.4g}, {levels}"
    return f"{printable(told['file'])}: {before} to {after} pixels, {steps}, {values}"

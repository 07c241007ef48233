"""Hand-set kernels against scipy, OpenCV's formula, and what they are there to find."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from fieldmark.conv import correlate2d, kernels
from fieldmark.conv.kernels import KERNELS
from fieldmark.data.sources.sample import sample
from fieldmark.errors import UserError
from fieldmark.families import resolve

BLURS = {"mean", "gaussian"}
KEEP_BRIGHTNESS = BLURS | {"sharpen", "emboss"}
SHAPES = ("diagonal", "antidiagonal", "cross", "checkerboard")
DERIVATIVES = {"prewitt_x", "prewitt_y", "sobel_x", "sobel_y", "laplacian"}

# Correlating an impulse with a kernel gives the kernel turned by 180 degrees; this undoes it.
IMPULSE = np.zeros((25, 25))
IMPULSE[12, 12] = 1.0


def taps_of(response: np.ndarray, size: int) -> np.ndarray:
    reach = size // 2
    return response[::-1, ::-1][12 - reach : 13 + reach, 12 - reach : 13 + reach]


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_is_a_new_float64_matrix_and_says_what_it_is_for(name: str) -> None:
    make = resolve(KERNELS, name, "kernel")
    assert make is getattr(kernels, name)
    kernel = make()
    assert kernel.dtype == np.float64
    assert kernel.ndim == 2
    kernel[0, 0] = 99
    assert make()[0, 0] != 99
    assert len(inspect.getdoc(make).splitlines()[0]) > 20
    assert all(
        parameter.default is not parameter.empty for parameter in inspect.signature(make).parameters.values()
    )


def test_the_table_holds_every_kernel_and_is_read_without_numpy_or_torch() -> None:
    public = {
        name
        for name, member in vars(kernels).items()
        if inspect.isfunction(member) and member.__module__ == kernels.__name__ and not name.startswith("_")
    }
    assert public == set(KERNELS)
    code = (
        "import sys; from fieldmark.conv.kernels import KERNELS; "
        "print([name for name in ('numpy', 'torch') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize("name", KERNELS)
def test_the_sums_are_as_stated(name: str) -> None:
    total = getattr(kernels, name)().sum()
    if name in KEEP_BRIGHTNESS:
        assert total == pytest.approx(1, abs=1e-15)
    elif name == "gabor":
        assert 0.01 < abs(total) < 0.5
    else:
        assert name in DERIVATIVES | set(SHAPES)
        assert total == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 10])
def test_the_sums_hold_for_every_size(size: int) -> None:
    assert kernels.mean(size).sum() == pytest.approx(1, abs=1e-14)
    assert kernels.gaussian(0.7, size).sum() == pytest.approx(1, abs=1e-14)
    for name in SHAPES:
        if size >= 2 and (size % 2 or name != "cross"):
            assert getattr(kernels, name)(size).sum() == pytest.approx(0, abs=1e-13), name


@pytest.mark.parametrize(
    ("name", "filtered"),
    [
        ("prewitt_x", ndimage.prewitt(IMPULSE, axis=-1)),
        ("prewitt_y", ndimage.prewitt(IMPULSE, axis=0)),
        ("sobel_x", ndimage.sobel(IMPULSE, axis=-1)),
        ("sobel_y", ndimage.sobel(IMPULSE, axis=0)),
        ("laplacian", ndimage.laplace(IMPULSE)),
        ("mean", ndimage.uniform_filter(IMPULSE, 3)),
    ],
)
def test_the_taps_are_those_of_scipy(name: str, filtered: np.ndarray) -> None:
    np.testing.assert_allclose(getattr(kernels, name)(), taps_of(filtered, 3), atol=1e-16)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.7, 2.5])
def test_gaussian_is_that_of_scipy_and_stops_where_it_does(sigma: float) -> None:
    kernel = kernels.gaussian(sigma)
    filtered = ndimage.gaussian_filter(IMPULSE, sigma, mode="constant")
    np.testing.assert_allclose(kernel, taps_of(filtered, len(kernel)), rtol=1e-12)
    assert filtered.sum() == pytest.approx(taps_of(filtered, len(kernel)).sum(), abs=1e-15)


def test_gaussian_of_five_taps_is_that_of_opencv() -> None:
    taps = [0.0544886845, 0.244201342, 0.4026199469, 0.244201342, 0.0544886845]  # getGaussianKernel(5, 1.0)
    np.testing.assert_allclose(kernels.gaussian(1.0, 5), np.outer(taps, taps), rtol=1e-8)


def test_on_a_picture_derivatives_are_those_of_scipy() -> None:
    picture = np.random.default_rng(0).random((40, 50))
    for name, expected in (
        ("sobel_x", ndimage.sobel(picture, axis=1)),
        ("sobel_y", ndimage.sobel(picture, axis=0)),
        ("prewitt_x", ndimage.prewitt(picture, axis=1)),
        ("laplacian", ndimage.laplace(picture)),
    ):
        ours = correlate2d(picture, getattr(kernels, name)())
        np.testing.assert_allclose(ours, expected[1:-1, 1:-1], atol=1e-13)


@pytest.mark.parametrize(("name", "slope"), [("prewitt_x", 6), ("sobel_x", 8)])
def test_x_answers_to_brightness_growing_to_the_right(name: str, slope: int) -> None:
    ramp = np.tile(np.arange(6.0), (5, 1))
    along, across = getattr(kernels, name)(), getattr(kernels, name.replace("x", "y"))()
    for picture, kernel, answer in (
        (ramp, along, slope),
        (ramp, across, 0),
        (ramp.T, across, slope),
        (ramp.T, along, 0),
    ):
        assert (correlate2d(picture, kernel, algorithm="reference") == answer).all()


def test_sharpen_is_the_picture_minus_its_laplacian() -> None:
    identity = np.zeros((3, 3))
    identity[1, 1] = 1
    assert (kernels.sharpen() == identity - kernels.laplacian()).all()


@pytest.mark.parametrize("name", SHAPES)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_nothing_answers_more_than_the_shape_itself(name: str, data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([3, 5, 7]))
    kernel = getattr(kernels, name)(size)
    shape = (kernel == 1).astype(float)
    best = (kernel * shape).sum()
    assert best == shape.sum()
    other = data.draw(arrays(np.float64, kernel.shape, elements=st.floats(0, 1)))
    assert (kernel * other).sum() <= best + 1e-12


def test_the_shapes_are_what_their_names_say() -> None:
    assert (kernels.diagonal(4) == 1).tolist() == np.eye(4, dtype=bool).tolist()
    assert (kernels.antidiagonal(4) == 1).tolist() == np.eye(4, dtype=bool)[::-1].tolist()
    assert (kernels.cross(5) == 1).astype(int).tolist() == [
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
        [1, 1, 1, 1, 1],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
    ]
    assert (kernels.checkerboard(3) == 1).astype(int).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    lines = [[-1, -1, 2], [-1, 2, -1], [2, -1, -1]]  # Gonzalez & Woods, at +45 degrees
    assert (2 * kernels.antidiagonal() == lines).all()


# What OpenCV 5.0 gave for getGaborKernel((5, 5), 1.5, radians(30), 4.0, 0.5, radians(90)), rounded.
OPENCV_EDGE = [
    [0.16867476, -0.08856361, -0.67780958, -0.15775944, 0.53521734],
    [0.11770443, -0.55024083, -0.64159641, 0.47586311, 0.54951101],
    [-0.19843395, -0.81638853, 0.0, 0.81638853, 0.19843395],
    [-0.54951101, -0.47586311, 0.64159641, 0.55024083, -0.11770443],
    [-0.53521734, 0.15775944, 0.67780958, 0.08856361, -0.16867476],
]
# The same for ((3, 3), 1.0, radians(60), 3.0, 0.8, 0).
OPENCV_BAR = [
    [-0.36212014, -0.15265993, 0.37074469],
    [0.34709833, 1.0, 0.34709833],
    [0.37074469, -0.15265993, -0.36212014],
]


def test_gabor_is_that_of_opencv() -> None:
    edge = kernels.gabor(sigma=1.5, wavelength=4, degrees=30, phase=90, aspect=0.5, size=5)
    np.testing.assert_allclose(edge, OPENCV_EDGE, atol=1e-8)
    bar = kernels.gabor(sigma=1, wavelength=3, degrees=60, aspect=0.8, size=3)
    np.testing.assert_allclose(bar, OPENCV_BAR, atol=1e-8)


@settings(deadline=None, max_examples=50)
@given(
    sigma=st.floats(0.3, 5),
    wavelength=st.floats(1, 12),
    degrees=st.floats(-360, 360),
    phase=st.floats(-180, 180),
    aspect=st.floats(0.2, 2),
    size=st.sampled_from([1, 3, 6, 9]),
)
def test_gabor_is_the_real_part_of_a_complex_wave_under_a_bell(
    sigma: float, wavelength: float, degrees: float, phase: float, aspect: float, size: int
) -> None:
    # Calculated another way: with complex numbers, on a grid, rotated by a matrix.
    rows, columns = (size - 1) / 2 - np.mgrid[:size, :size]
    angle = np.deg2rad(degrees)
    rotation = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    u, v = np.tensordot(rotation, np.stack([columns, rows]), 1)
    wave = np.exp(-((u / sigma) ** 2 + (v * aspect / sigma) ** 2) / 2) * np.exp(
        1j * (2 * np.pi * u / wavelength + np.deg2rad(phase))
    )
    ours = kernels.gabor(sigma, wavelength, degrees, phase, aspect, size)
    np.testing.assert_allclose(ours, wave.real, atol=1e-12)


def test_gabor_as_large_as_it_needs_to_be_loses_nothing_that_shows() -> None:
    whole = kernels.gabor(sigma=2, aspect=0.5)
    rim = np.concatenate([whole[0], whole[-1], whole[:, 0], whole[:, -1]])
    assert np.abs(rim).max() < np.exp(-4.5) + 1e-12  # three standard deviations
    assert len(kernels.gabor(sigma=2, aspect=2)) == 13


def test_gabor_finds_stripes_of_its_direction_and_width() -> None:
    rows, columns = np.mgrid[:60, :60]

    def answer(degrees: float, wavelength: float) -> float:
        angle = np.deg2rad(degrees)
        wave = np.cos(2 * np.pi * (columns * np.cos(angle) + rows * np.sin(angle)) / wavelength)
        return float(np.abs(correlate2d(wave, kernels.gabor(sigma=3, wavelength=6, degrees=30))).max())

    right = answer(30, 6)
    assert right > 5 * max(answer(75, 6), answer(120, 6), answer(30, 3), answer(30, 15))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: kernels.mean(0), "size=0: a whole number of at least 1"),
        (lambda: kernels.mean(2.5), "size=2.5"),  # type: ignore[arg-type]
        (lambda: kernels.gaussian(sigma=0), "sigma=0: a number above 0"),
        (lambda: kernels.gaussian(sigma=float("nan")), "sigma=nan: a finite number"),
        (lambda: kernels.gaussian(sigma=0.001, size=4), "Take a larger sigma"),
        (lambda: kernels.cross(4), "a cross of size 4 has no middle row; take an odd size"),
        (lambda: kernels.cross(1), "at least 3"),
        (lambda: kernels.diagonal(1), "at least 2"),
        (lambda: kernels.checkerboard(1), "at least 2"),
        (lambda: kernels.gabor(wavelength=-1), "wavelength=-1: a number above 0"),
        (lambda: kernels.gabor(aspect=0), "aspect=0"),
        (lambda: kernels.gabor(degrees=float("inf")), "degrees=inf: a finite number"),
    ],
)
def test_a_wrong_argument_is_named(make, told: str) -> None:
    with pytest.raises(UserError, match=told.replace(".", r"\.")) as caught:
        make()
    assert "\n" not in str(caught.value)


def small_and_large_shapes() -> torch.Tensor:
    """48 x 48: a cross of 13 pixels at (8, 8); a small one, lines, a checkerboard and a square."""
    scene = torch.zeros(48, 48, dtype=torch.float64)
    scene[8, 2:15] = scene[2:15, 8] = 1
    scene[8, 36] = scene[7:10, 35] = scene[8, 34] = 1
    scene[24, 2:18] = 1
    scene[22:40, 24] = 1
    for step in range(13):
        scene[30 + step, 4 + step] = 1
    scene[32:44:2, 32:44:2] = scene[33:44:2, 33:44:2] = 1
    scene[20:28, 34:42] = 1
    return scene


def test_a_large_cross_is_found_by_two_cross_kernels_with_a_max_pool_between() -> None:
    scene, cross = small_and_large_shapes(), torch.from_numpy(kernels.cross())
    once = correlate2d(scene, cross, padding="same", algorithm="torch")
    assert once[8, 8] == once[8, 35] == 5, "one layer cannot tell the large cross from the small one"
    pooled = F.max_pool2d(once.relu()[None], 2)[0]
    twice = correlate2d(pooled, cross, padding="same", algorithm="torch")
    row, column = divmod(int(twice.argmax()), 24)
    assert (row, column) == (4, 4), "the middle of the large cross, in steps of two pixels"
    elsewhere = twice.clone()
    elsewhere[3:6, 3:6] = 0
    assert twice[4, 4] > 1.5 * elsewhere.max()


def test_the_prewitt_kernel_is_recovered_by_gradient_descent_from_pairs_of_pictures() -> None:
    digits = sample()["train"].images[:64].double() / 255
    truth = torch.from_numpy(kernels.prewitt_x())
    edges = correlate2d(digits, truth, algorithm="torch")
    learned = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([learned], lr=0.5, momentum=0.9, nesterov=True)
    for _ in range(400):
        optimiser.zero_grad()
        (correlate2d(digits, learned, algorithm="torch") - edges).square().mean().backward()
        optimiser.step()
    torch.testing.assert_close(learned.detach(), truth, rtol=0, atol=1e-9)

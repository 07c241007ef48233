"""A picture much like a photo, free of anybody's rights: three balls on a tiled floor, by ray tracing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rays = NDArray[np.float64]  # (H, W, 3)

BALLS = (  # centre (right, up, away), radius, brightness
    ((-1.15, 0.75, 4.6), 0.75, 0.85),
    ((0.55, 0.5, 3.6), 0.5, 0.45),
    ((1.75, 0.9, 5.6), 0.9, 0.65),
)
LIGHT = np.array([-0.55, 0.75, -0.4]) / np.linalg.norm([-0.55, 0.75, -0.4])
EYE = np.array([0.0, 1.15, 0.0])
FAR = 1e9


def scene(high: int = 240, wide: int = 360) -> NDArray[np.uint8]:
    """The picture, uint8 (high, wide), grey; four rays per pixel make its edges soft, as a lens does."""
    down, across = np.mgrid[: 2 * high, : 2 * wide] / high
    rays = np.stack([0.42 * (across - wide / high), 0.42 * (0.75 - down), np.ones(down.shape)], axis=2)
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    light = seen_along(rays).clip(0, 1).reshape(high, 2, wide, 2).mean(axis=(1, 3))
    return (255 * light).round().astype(np.uint8)


def seen_along(rays: Rays) -> NDArray[np.float64]:
    """The brightness, 0 to 1, of what each ray meets first: sky, floor or a ball."""
    up = rays[:, :, 1]
    light = 0.93 - 0.3 * up.clip(0)  # the sky
    to_floor = np.where(up < 0, -EYE[1] / np.minimum(up, -1e-9), FAR)
    on_floor = EYE + rays * to_floor[:, :, None]
    tile = (np.floor(on_floor[:, :, 0] * 1.5) + np.floor(on_floor[:, :, 2] * 1.5)) % 2
    floor = (0.3 + 0.42 * tile) * np.where(in_shadow(on_floor), 0.4, 1.0)
    haze = np.exp(-to_floor / 14)  # far tiles fade into the sky
    light = np.where(up < 0, haze * floor + (1 - haze) * 0.93, light)
    nearest = to_floor
    for centre, radius, paint in BALLS:
        distance = meet(np.broadcast_to(EYE, rays.shape), rays, np.array(centre), radius)
        normal = (EYE + rays * distance[:, :, None] - centre) / radius
        facing = (normal @ LIGHT).clip(0)
        mirrored = rays - 2 * (rays * normal).sum(2, keepdims=True) * normal
        shine = 0.7 * (mirrored @ LIGHT).clip(0, 1) ** 40
        light = np.where(distance < nearest, paint * (0.16 + 0.84 * facing) + shine, light)
        nearest = np.minimum(nearest, distance)
    return light


def in_shadow(points: Rays) -> NDArray[np.bool_]:
    """Whether a ball stands between the points and the light."""
    towards = np.broadcast_to(LIGHT, points.shape)
    hit = [meet(points, towards, np.array(centre), radius) < FAR for centre, radius, _ in BALLS]
    return np.logical_or.reduce(hit)


def meet(start: Rays, rays: Rays, centre: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """How far along the rays a ball begins; FAR where it is missed."""
    offset = start - centre
    half = (offset * rays).sum(2)
    root = half**2 - (offset**2).sum(2) + radius**2
    distance = -half - np.sqrt(root.clip(0))
    return np.where((root > 0) & (distance > 1e-6), distance, FAR)

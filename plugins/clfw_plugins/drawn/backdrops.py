"""What lies around a drawn animal: backdrops, things in front of it, and the camera's light."""

import numpy as np
from numpy.typing import NDArray

from clfw_plugins.drawn.scene import Color, Draws, Field, Scene

# Grounds and views share hues with every coat, so colour alone gives no class away.
_GROUNDS = np.array(
    [
        (0.33, 0.50, 0.20),  # grass
        (0.56, 0.55, 0.28),  # dry grass
        (0.79, 0.69, 0.51),  # sand
        (0.42, 0.32, 0.23),  # soil
        (0.88, 0.89, 0.92),  # snow
        (0.60, 0.45, 0.31),  # floor boards
        (0.47, 0.47, 0.48),  # stone
        (0.20, 0.30, 0.13),  # moss
    ],
    np.float32,
)
_VIEWS = np.array(
    [
        (0.50, 0.69, 0.90),  # sky
        (0.80, 0.86, 0.91),  # haze
        (0.90, 0.68, 0.52),  # evening
        (0.22, 0.34, 0.18),  # trees
        (0.84, 0.79, 0.69),  # plaster
        (0.44, 0.51, 0.57),  # painted wall
        (0.38, 0.26, 0.19),  # barn
        (0.13, 0.13, 0.14),  # dark room
    ],
    np.float32,
)
_BLOOMS = np.array(
    [
        (0.86, 0.42, 0.62),
        (0.93, 0.82, 0.28),
        (0.60, 0.46, 0.80),
        (0.92, 0.91, 0.90),
        (0.85, 0.33, 0.24),
        (0.42, 0.58, 0.27),
    ],
    np.float32,
)
# Where an animal is mostly met: weights of the grounds and of the views.
HOMES = {
    "meadow": ((7, 3, 0.7, 0.8, 0.7, 0.3, 0.5, 2), (4, 2, 1, 3, 0.4, 0.4, 0.8, 0.3)),
    "house": ((2.5, 1, 1, 0.7, 0.6, 4, 2, 1), (1.2, 1, 0.6, 1.2, 4, 3, 1, 2)),
    "steppe": ((2.5, 4, 4, 2, 0.3, 0.2, 1, 1), (4, 3, 2, 2, 0.3, 0.3, 0.3, 0.3)),
    "yard": ((2.5, 2, 3, 3, 0.6, 1, 1.5, 0.7), (1.2, 0.7, 0.6, 2, 1.5, 1.2, 4, 1)),
    "wood": ((3, 1.5, 1, 1.5, 0.6, 0.7, 1.5, 4), (1.2, 1, 0.8, 4, 0.6, 0.6, 1.5, 2)),
}


def backdrop(draws: Draws, side: int, home: str) -> Color:
    """A ground and the view above it, as found in one of HOMES: (3, n, side * side)."""
    grounds, views = HOMES[home]
    ground = _surface(draws, side, draws.color(_GROUNDS, grounds))
    view = _surface(draws, side, draws.color(_VIEWS, views))
    drop = _height(side)
    ripple = draws.uniform(0.0, 0.5) * (draws.cloud(side, 7, 1) - 0.5)
    edge = draws.uniform(0.01, 0.25)
    horizon = draws.uniform(-0.7, 1.5) + ripple
    weight = np.clip((drop - horizon) / edge + 0.5, 0.0, 1.0)
    image: Color = ground + weight * (view - ground)
    for _ in range(2):  # bushes, stones, far lights
        x, y = draws.uniform(-1.1, 1.1), horizon + draws.uniform(-0.3, 0.4)
        blob = np.hypot((_width(side) - x) * draws.uniform(0.5, 1.5), drop - y)
        blob = blob + draws.uniform(0.0, 0.4) * draws.cloud(side, 9, 9)
        cover = np.clip((draws.uniform(0.1, 0.55) - blob) / draws.uniform(0.04, 0.4), 0.0, 1.0)
        image += cover * draws.uniform(0.0, 0.6) * (draws.color(_VIEWS, (1,) * 8) - image)
    return image


def _width(side: int) -> Field:
    """How far right of the middle each pixel is, -1..1: (1, side * side)."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) * (2.0 / side) - 1.0
    return np.tile(axis, side)[None]


def _height(side: int) -> Field:
    """How far above the middle each pixel is, -1..1: (1, side * side)."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) * (2.0 / side) - 1.0
    return -np.repeat(axis, side)[None]


def _surface(draws: Draws, side: int, color: Color) -> Color:
    """One colour with a gradient, mottling, and upright, level or no streaks."""
    streaks = np.where(draws.chance(0.6), draws.cloud(side, 40, 6), draws.cloud(side, 4, 16))
    mottle = draws.cloud(side, 5, 5) - 0.5
    light = 1.0 + draws.uniform(-0.25, 0.25) * _height(side) + draws.uniform(0.0, 0.3) * mottle
    light += draws.uniform(0.0, 0.4) * draws.uniform(0.1, 1.0) * (streaks - 0.5)
    tint = draws.uniform(-0.12, 0.12) * mottle
    return np.stack([color[0] * light + tint, color[1] * light, color[2] * light - tint])


def bloom(scene: Scene, chance: float) -> None:
    """Put a flower under the figure in `chance` of the pictures; others keep the backdrop."""
    draws = scene.draws
    shown = draws.chance(chance).astype(np.float32)
    x = _width(scene.side) - draws.uniform(-0.4, 0.4)
    y = (_height(scene.side) - draws.uniform(-0.5, 0.3)) / draws.uniform(0.55, 1.0)
    reach = np.hypot(x, y)
    petals = np.floor(draws.uniform(4.0, 9.0)) * 0.5
    wave = np.abs(np.sin(petals * np.arctan2(y, x) + draws.uniform(0.0, 3.0)))
    color = draws.color(_BLOOMS, (1,) * 6)
    size = draws.uniform(0.45, 1.05)
    shade = 0.75 + 0.2 * wave + 0.2 * (scene.grain - 0.5)
    scene.fill(reach - size * (0.45 + 0.55 * np.sqrt(wave)), color * shade, shown)
    heart = draws.color(_BLOOMS[[1, 5]] * 0.8, (1, 1))
    scene.fill(reach - size * draws.uniform(0.12, 0.35), heart * (0.5 + scene.grain), shown)


def foreground(scene: Scene) -> None:
    """Grow grass over the lower edge and stand a stem or post in front, in some pictures."""
    draws, side = scene.draws, scene.side
    blades = draws.cloud(side, 45, 1)
    level = np.where(draws.chance(0.3), draws.uniform(-1.15, -0.75), np.float32(-2.0))
    color = draws.color(_GROUNDS, (5, 3, 1, 1, 0.5, 0, 0, 3))
    top = level + draws.uniform(0.15, 0.6) * blades * blades
    scene.fill((scene.up - top) * 0.5, color * (0.6 + 0.7 * blades))
    shown = draws.chance(0.06)
    lean = draws.uniform(-0.5, 0.5)
    gap = np.abs(scene.across - draws.uniform(-0.9, 0.9) - lean * scene.up)
    width = draws.uniform(0.02, 0.11)
    bark = draws.color(_VIEWS, (0, 0, 0, 2, 1, 1, 2, 1))
    scene.fill(gap - width, bark * (1.15 - 0.4 * gap / width), shown.astype(np.float32))


def exposed(scene: Scene) -> NDArray[np.uint8]:
    """Take the photograph: haze, exposure, tint, blur and noise; uint8 (n, side, side, 3)."""
    draws, side = scene.draws, scene.side
    image = scene.image.reshape(3, -1, side, side)
    soft = image.copy()
    soft[..., 1:-1] = 0.5 * image[..., 1:-1] + 0.25 * (image[..., 2:] + image[..., :-2])
    near = soft[..., 1:-1, :].copy()
    near = 0.5 * near + 0.25 * (soft[..., 2:, :] + soft[..., :-2, :])
    soft[..., 1:-1, :] = near
    blur = draws.uniform(-1.3, 0.7)[..., None]
    image = (image + np.maximum(blur, 0.0) * (soft - image)).reshape(3, -1, side * side)
    tint = np.stack([draws.uniform(0.92, 1.08) for _ in range(3)])
    image = (image - 0.5) * draws.uniform(0.85, 1.15) + draws.uniform(0.46, 0.58)
    noise = draws.grid(3 * side * side).reshape(-1, 3, side * side).transpose(1, 0, 2) - 0.5
    image = image * tint + draws.uniform(0.01, 0.08) * noise
    levels = np.clip(image * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
    pixels: NDArray[np.uint8] = levels.reshape(3, -1, side, side).transpose(1, 2, 3, 0)
    return pixels

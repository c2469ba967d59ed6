"""Pictures as a tower is trained on them: whole, or as a random view; read ahead by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
from PIL import Image, ImageEnhance

from clipsearch.errors import UnreadableQueryImage
from clipsearch.images import decode_picture
from clipsearch.training.tuning.material import Pictured
from clipsearch.values import Pixels, Preprocessing, Skip, SkipCode

LEAST_AREA = 0.6
ASPECT_JITTER = 0.2
LIGHT_JITTER = 0.2
ENLARGED = 8 / 7  # a view of 0.6 of the area still has its pixels, or nearly
READ_AHEAD = 2

Item = TypeVar("Item")
Found = TypeVar("Found")


def whole_picture(picture: Pictured, preprocessing: Preprocessing) -> Pixels | Skip:
    """The picture as the tower sees it in use: uint8 [h, w, 3]; a Skip if it is unreadable."""
    try:
        return decode_picture(picture.read(), preprocessing).pixels
    except UnreadableQueryImage as error:
        return replace(error.skip, path=picture.path)
    except OSError as error:
        return Skip(picture.path, SkipCode.UNREADABLE, error.strerror or str(error))


def random_view(
    picture: Pictured, preprocessing: Preprocessing, random: np.random.Generator
) -> Pixels | Skip:
    """A window of at least 0.6 of the picture, a little stretched, in another light.

    Nothing is mirrored: packages, signs and "left of" would be read wrongly.
    """
    larger = replace(
        preprocessing,
        height=round(preprocessing.height * ENLARGED),
        width=round(preprocessing.width * ENLARGED),
    )
    found = whole_picture(picture, larger)
    if isinstance(found, Skip):
        return found
    window = _window(found.shape[1], found.shape[0], random)
    size = (preprocessing.width, preprocessing.height)
    view = Image.fromarray(found).resize(size, Image.Resampling.BICUBIC, box=window)
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        view = change(view).enhance(random.uniform(1.0 - LIGHT_JITTER, 1.0 + LIGHT_JITTER))
    return np.asarray(view, dtype=np.uint8)


def read_ahead(
    batches: Iterable[Sequence[Item]], read: Callable[[Item], Found], threads: int
) -> Iterator[list[Found]]:
    """Yield what `read` gives for each batch, a few batches read while one is used."""
    with ThreadPoolExecutor(threads) as pool:
        coming: deque[list[Future[Found]]] = deque()
        for batch in batches:
            coming.append([pool.submit(read, each) for each in batch])
            if len(coming) > READ_AHEAD:
                yield [each.result() for each in coming.popleft()]
        while coming:
            yield [each.result() for each in coming.popleft()]


def _window(
    width: int, height: int, random: np.random.Generator
) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in pixels."""
    area = random.uniform(LEAST_AREA, 1.0)
    aspect = float(np.exp(random.uniform(-ASPECT_JITTER, ASPECT_JITTER)))
    wide, high = min(1.0, (area * aspect) ** 0.5), min(1.0, (area / aspect) ** 0.5)
    left, top = random.uniform(0.0, 1.0 - wide), random.uniform(0.0, 1.0 - high)
    return left * width, top * height, (left + wide) * width, (top + high) * height

"""The attack on an image tower, on a network small enough to see through."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from clipsearch.training.attack import pgd
from clipsearch.values import Pixels, Preprocessing

PREPROCESSING = Preprocessing(8, 8, "squash", "bilinear", (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


class SmallTower(nn.Module):
    """One bent layer over all pixels, 16 wide."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(192, 16)

    def encode_image(self, given: Tensor) -> Tensor:
        """Embed normalised pictures [n, 3, 8, 8]: [n, 16]."""
        found: Tensor = torch.tanh(self.layer(given.flatten(1)))
        return found


def embedded(tower: SmallTower, pixels: Pixels) -> Tensor:
    mean, std = (
        torch.tensor(each)[:, None, None] for each in (PREPROCESSING.mean, PREPROCESSING.std)
    )
    given = torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        return tower.encode_image((given - mean) / std)


def some_pixels() -> Pixels:
    random = np.random.default_rng(1)
    return random.integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)


def test_no_pixel_moves_by_more_than_two() -> None:
    pixels = some_pixels()
    attacked = pgd(SmallTower(), PREPROCESSING)(pixels)
    moved = np.abs(attacked.astype(int) - pixels.astype(int))
    assert attacked.dtype == np.uint8
    assert moved.max() == 2


def test_the_attack_moves_embeddings_further_than_noise_of_its_size() -> None:
    tower, pixels = SmallTower(), some_pixels()
    plain = embedded(tower, pixels)
    attacked = embedded(tower, pgd(tower, PREPROCESSING)(pixels))
    random = np.random.default_rng(2)
    noise = random.choice([-2, 2], pixels.shape)
    noisy = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    by_attack = 1 - cosine_similarity(plain, attacked)
    by_noise = 1 - cosine_similarity(plain, embedded(tower, noisy))
    assert bool((by_attack > 3 * by_noise).all())


def test_the_attack_is_the_same_every_time() -> None:
    attack = pgd(SmallTower(), PREPROCESSING)
    assert np.array_equal(attack(some_pixels()), attack(some_pixels()))

"""Duplicates of a collection, on copies that people make and on pictures that are none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from clipsearch import Collection, DuplicateOptions, Duplicates, Progress, Tier

Indexed = Callable[[], Collection]
Photograph = Callable[[str], PillowImage.Image]
Groups = list[tuple[str, str, list[str]]]

EDITS: dict[str, Callable[[PillowImage.Image], PillowImage.Image]] = {
    "as it is": lambda image: image,
    "half": lambda image: image.resize((image.width // 2, image.height // 2)),
    "crop": lambda image: ImageOps.crop(image, (9, 3, 14, 12)),
    "quarter turn": lambda image: image.transpose(PillowImage.Transpose.ROTATE_90),
    "half turn": lambda image: image.transpose(PillowImage.Transpose.ROTATE_180),
    "mirror": ImageOps.mirror,
    "brighter": lambda image: image.point(lambda grey: min(255, round(1.2 * grey))),
}


@pytest.fixture(scope="session")
def photograph(photographs: Path) -> Photograph:
    """Opens one of scikit-image's photographs, no larger than 320 pixels."""

    def opened(name: str) -> PillowImage.Image:
        image = PillowImage.open(photographs / name).convert("RGB")
        image.thumbnail((320, 320))
        return image

    return opened


@pytest.fixture
def indexed(collection: Collection, pictures: Path) -> Callable[[], Collection]:
    """Takes in what lies among the pictures."""

    def taken_in() -> Collection:
        collection.ingest([pictures])
        return collection

    return taken_in


def named(found: Duplicates) -> Groups:
    """Tier, kept and other names of each group."""
    return [
        (str(group.tier), group.kept.path.name, sorted(other.path.name for other in group.others))
        for group in found.groups
    ]


def of_tier(found: Duplicates, tier: Tier) -> Groups:
    return [group for group in named(found) if group[0] == tier]


def test_edited_photographs_are_copies_of_the_original(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    image = photograph("astronaut.png")
    image.save(pictures / "original.png")
    photograph("coffee.png").save(pictures / "other.png")
    for name, edit in EDITS.items():
        edit(image).save(pictures / f"{name}.jpg", quality=60)
    edited = sorted(f"{name}.jpg" for name in EDITS)
    assert of_tier(indexed().duplicates(), Tier.COPY) == [("copy", "original.png", edited)]


def test_the_same_bytes_are_exact_and_the_oldest_is_kept(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    for name, age in (("a.png", 1), ("b.png", 3), ("c.png", 2)):
        photograph("coffee.png").save(pictures / name)
        os.utime(pictures / name, ns=(0, 10**18 - age * 10**9))
    assert named(indexed().duplicates()) == [("exact", "b.png", ["a.png", "c.png"])]


def test_the_same_pixels_in_another_format_are_exact(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    photograph("chelsea.png").save(pictures / "a.png")
    photograph("chelsea.png").save(pictures / "a.webp", lossless=True)
    photograph("chelsea.png").save(pictures / "a.bmp")
    assert named(indexed().duplicates()) == [("exact", "a.png", ["a.bmp", "a.webp"])]


def test_the_original_is_kept_though_a_copy_is_larger_in_bytes(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    image = photograph("coffee.png")
    image.save(pictures / "z.jpg", quality=70)
    image.transpose(PillowImage.Transpose.ROTATE_90).save(pictures / "a.jpg", quality=99)
    assert named(indexed().duplicates()) == [("copy", "z.jpg", ["a.jpg"])]


def test_what_names_its_camera_is_kept_though_it_is_younger(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    image, exif = photograph("coffee.png"), PillowImage.Exif()
    exif[0x0110] = "a camera"
    image.save(pictures / "restored.jpg", quality=80, exif=exif)
    image.save(pictures / "sent.jpg", quality=60)
    os.utime(pictures / "sent.jpg", ns=(0, 10**18))
    assert named(indexed().duplicates()) == [("copy", "restored.jpg", ["sent.jpg"])]


def test_each_file_is_superfluous_in_one_group_at_most(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    image = photograph("coffee.png")
    image.save(pictures / "a.png")
    for name in ("b.jpg", "c.jpg"):
        image.save(pictures / name, quality=50)
    found = indexed().duplicates()
    assert named(found) == [("exact", "b.jpg", ["c.jpg"]), ("copy", "a.png", ["b.jpg"])]


def test_another_moment_is_a_lookalike_and_no_copy(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    first = photograph("coffee.png")
    second = ImageOps.crop(first, (6, 5, 4, 2))
    cup = photograph("chelsea.png").resize((70, 70))
    second.paste(cup, (30, 40))
    noise = np.random.default_rng(0).normal(0, 4, (second.height, second.width, 3))
    second = PillowImage.fromarray((np.asarray(second) + noise).clip(0, 255).astype(np.uint8))
    first.save(pictures / "first.png")
    second.save(pictures / "second.png")
    assert named(indexed().duplicates()) == [("lookalike", "first.png", ["second.png"])]


def test_the_two_pictures_of_a_stereo_camera_are_no_copies(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    for side in ("left", "right"):
        photograph(f"motorcycle_{side}.png").save(pictures / f"{side}.png")
    found = indexed().duplicates()
    assert {tier for tier, _, _ in named(found)} == {"lookalike"}


def test_pictures_of_one_colour_are_neither_copies_nor_lookalikes(
    paint: Callable[[str, str], Path], indexed: Indexed
) -> None:
    for name in ("a.png", "b.png", "c.jpg"):
        paint(name, "teal")
    assert named(indexed().duplicates()) == []


def test_animations_that_begin_alike_are_no_copies(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    first = photograph("coffee.png")
    for name in ("chelsea.png", "rocket.jpg"):
        frames = [photograph(name).resize(first.size)]
        target = (pictures / name).with_suffix(".gif")
        first.save(target, save_all=True, append_images=frames, duration=90)
    found = indexed().duplicates()
    assert {tier for tier, _, _ in named(found)} <= {"lookalike"}


def test_icons_are_told_by_their_bytes_alone(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    icon = photograph("coffee.png").resize((32, 32))
    for name in ("a.png", "b.png", "c.jpg"):
        icon.save(pictures / name)
    found = indexed().duplicates()
    assert of_tier(found, Tier.EXACT) == [("exact", "a.png", ["b.png"])]
    assert of_tier(found, Tier.COPY) == []


def test_a_file_that_is_gone_or_changed_is_in_no_group_and_named(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    for name in ("a.png", "b.png", "c.png", "d.png"):
        photograph("coffee.png").save(pictures / name)
    collection = indexed()
    (pictures / "a.png").unlink()
    photograph("rocket.jpg").save(pictures / "b.png")
    found = collection.duplicates()
    assert named(found) == [("exact", "c.png", ["d.png"])]
    assert [skip.path.name for skip in found.unread] == ["a.png", "b.png"]


def test_two_names_of_one_file_are_one_file(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    photograph("coffee.png").save(pictures / "a.png")
    (pictures / "b.png").hardlink_to(pictures / "a.png")
    assert named(indexed().duplicates()) == []


def test_one_file_under_two_linked_folders_is_one_file(
    tmp_path: Path, pictures: Path, photograph: Photograph, collection: Collection
) -> None:
    photograph("coffee.png").save(pictures / "a.png")
    (tmp_path / "link").symlink_to(pictures)
    collection.ingest([pictures, tmp_path / "link"])
    assert len(collection.image(1).paths) == 2
    assert named(collection.duplicates()) == []


@pytest.mark.parametrize("count", [0, 1])
def test_a_collection_of_hardly_anything_has_none(
    count: int, pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    photograph("coffee.png").save(pictures / "a.png")
    collection = indexed()
    if not count:
        collection.remove([1])
    assert collection.duplicates() == Duplicates(())


def test_a_picture_that_a_program_added_takes_no_part(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    from clipsearch import Addition

    photograph("coffee.png").save(pictures / "a.png")
    collection = indexed()
    collection.add([Addition(np.asarray(photograph("coffee.png")))])
    assert named(collection.duplicates()) == []


def test_only_files_under_the_given_places_are_grouped(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    for name in ("in/a.png", "in/b.png", "out/c.png"):
        (pictures / name).parent.mkdir(exist_ok=True)
        photograph("coffee.png").save(pictures / name)
    found = indexed().duplicates(DuplicateOptions(under=[pictures / "in"]))
    assert named(found) == [("exact", "a.png", ["b.png"])]


def test_only_the_tiers_asked_for_are_given(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    photograph("coffee.png").save(pictures / "a.png")
    photograph("coffee.png").save(pictures / "b.jpg")
    collection = indexed()
    assert named(collection.duplicates(DuplicateOptions(tiers=[Tier.EXACT]))) == []
    assert len(named(collection.duplicates(DuplicateOptions(tiers=[Tier.COPY])))) == 1


def test_sketches_are_made_once(pictures: Path, photograph: Photograph, indexed: Indexed) -> None:
    for name in ("coffee.png", "chelsea.png"):
        photograph(name).save(pictures / name)
    collection = indexed()
    assert sketched(collection) == 2
    assert sketched(collection) == 0


def test_stopping_it_costs_one_batch(
    pictures: Path, photograph: Photograph, indexed: Indexed
) -> None:
    for name in ("coffee.png", "chelsea.png", "rocket.jpg", "astronaut.png"):
        photograph(name).save(pictures / name)
    collection = indexed()

    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collection.duplicates(DuplicateOptions(batch=2), stop)
    assert sketched(collection) == 2


def sketched(collection: Collection) -> int:
    """How many pictures are sketched for the first time now."""
    heard: list[Progress] = []
    collection.duplicates(DuplicateOptions(), heard.append)
    return max((each.done for each in heard if each.phase == "sketching"), default=0)

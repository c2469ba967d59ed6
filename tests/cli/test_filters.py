"""The options that say which pictures may be found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from running import Clipsearch


@pytest.fixture(scope="module")
def travelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clipsearch, Path]:
    """Four pictures: one of Nice and one of Sydney with date, place and camera, two with none."""
    folder = tmp_path_factory.mktemp("travels")
    for name, time, latitude, longitude in (
        ("nice", "2023:08:01 10:00:00", ("N", 43, 42), ("E", 7, 15)),
        ("sydney", "2024:01:01 00:00:00", ("S", 33, 52), ("E", 151, 12)),
    ):
        exif = PillowImage.Exif()
        exif[0x0110] = f"Camera of {name}"
        exif.get_ifd(0x8769)[0x9003] = time
        gps = exif.get_ifd(0x8825)
        for tag, (letter, degrees, minutes) in ((1, latitude), (3, longitude)):
            gps[tag], gps[tag + 1] = letter, (float(degrees), float(minutes), 0.0)
        PillowImage.new("RGB", (64, 48), "blue").save(folder / f"{name}.jpg", exif=exif)
    PillowImage.new("RGB", (640, 480), "blue").save(folder / "large.png")
    PillowImage.new("RGB", (64, 48), "navy").save(folder / "small.png")
    program = Clipsearch(tmp_path_factory.mktemp("travelled") / "home")
    assert program("index", folder).code == 0
    return program, folder


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--after", "2023-08", "--before", "2024"], ["nice.jpg"]),
        (["--near", "-33.9,151.2,50"], ["sydney.jpg"]),
        (["--camera", "NICE", "--camera", "sydney"], ["nice.jpg", "sydney.jpg"]),
        (["--not-camera", "nice", "--format", "jpg"], ["sydney.jpg"]),
        (["--min-size", "0.3MP"], ["large.png"]),
        (["--has-caption"], []),
        (["--no-caption", "--not-format", "png"], ["nice.jpg", "sydney.jpg"]),
        (["--where", "sku=1"], []),
        (["--where", "sku!=1", "--min-size", "640x480"], ["large.png"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", [["query", "the sea", "--all"], ["list", "default"]], ids=str)
def test_each_command_that_shows_pictures_takes_filters(
    travelled: tuple[Clipsearch, Path], command: list[str], options: list[str], names: list[str]
) -> None:
    program, folder = travelled
    ran = program(*command, *options, "--paths")
    assert sorted(ran.lines) == [str(folder / name) for name in names]
    assert ran.code == (0 if names else 1)


def test_the_distance_of_each_hit_is_told(travelled: tuple[Clipsearch, Path]) -> None:
    near = ["--near", "43.7,7.25,20000"]
    found = json.loads(travelled[0]("query", "the sea", "--all", *near, "--json").out)
    distances = {Path(hit["path"]).stem: hit["distance_km"] for hit in found["hits"]}
    assert distances == {
        "nice": pytest.approx(0, abs=0.1),
        "sydney": pytest.approx(16_690, rel=0.01),
    }
    assert found["filter"] == {"near": {"latitude": 43.7, "longitude": 7.25, "km": 20000.0}}
    listed = json.loads(travelled[0]("list", "default", *near, "--json").out)
    assert {image["distance_km"] for image in listed["images"]} == set(distances.values())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--after", "2030"], "none of 4 pictures passes the filters; 2 have no date"),
        (["--near", "0,0,1"], "none of 4 pictures passes the filters; 2 have no place"),
        (["--camera", "x", "--before", "1990"], "; 2 have no date, 2 have no camera"),
        (["--format", "gif"], "none of 4 pictures passes the filters"),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", [["query", "the sea", "--all"], ["list", "default"]], ids=str)
def test_filters_that_let_nothing_through_say_so(
    travelled: tuple[Clipsearch, Path], command: list[str], options: list[str], said: str
) -> None:
    ran = travelled[0](*command, *options)
    assert (ran.code, ran.out) == (1, "")
    assert f"{said}.\n" in ran.err


def test_a_collections_names_are_not_filtered(clipsearch: Clipsearch) -> None:
    ran = clipsearch("list", "--after", "2024")
    assert ran.code == 2
    assert "name a collection" in ran.err

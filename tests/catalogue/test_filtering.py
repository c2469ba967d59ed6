"""Filters let through what they name, and nothing that is not known."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipsearch.catalogue import Catalogue, allowed_ids, filter_counts, transaction, writing
from clipsearch.catalogue.filtering import FilterCounts
from clipsearch.filter_texts import least_size, metadata_is, moment, place
from clipsearch.filters import FORMATS, BadFilter, Filter, MetadataIs, MinSize, Near, format_named
from clipsearch.images import formats
from clipsearch.values import Caption, FoundFile, ImageInfo, TowerIdentity

TOWER = TowerIdentity("none", 2, "fp32", "0")
MUNICH = Near(48.137, 11.575, 10)

IMAGES: dict[str, dict[str, Any]] = {
    "a/munich": {"taken": datetime(2024, 6, 1, 12), "latitude": 48.15, "longitude": 11.6},
    "a/sydney": {"taken": datetime(2023, 12, 31, 23, 59), "latitude": -33.9, "longitude": 151.2},
    "ab/camera": {"taken": datetime(2024, 5, 31, 23, 59), "camera": "Fujifilm X-T30"},
    "ab/phone": {"taken": datetime(2025, 1, 1), "camera": "Apple iPhone 12", "format": "HEIF"},
    "b/wide": {"width": 4000, "height": 2000, "format": "PNG"},
    "b/tall": {"width": 1000, "height": 3000},
}
METADATA: dict[str, dict[str, Any]] = {
    "a/munich": {"sku": "C-17", "price": 8.5, "tags": ["white", 3, True], "shop": {"city": "Bonn"}},
    "a/sydney": {"sku": "17", "price": 17, "on": True, "shop.city": "Bonn", "none": None},
    "b/wide": {"on": 1, "tags": [], "shop": "Bonn", "größe": {"in cm": 4}},
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    with Catalogue.create(tmp_path_factory.mktemp("catalogue"), TOWER) as made:
        with made.writer() as connection, transaction(connection):
            for number, (name, known) in enumerate(IMAGES.items(), start=1):
                row: dict[str, Any] = {"format": "JPEG", "width": 640, "height": 480, "bytes": 1}
                info = ImageInfo(fingerprint=name.encode(), **row | known)
                image_id = writing.insert_image(connection, info, np.eye(2, dtype=np.float32)[0])
                assert image_id == number
                writing.put_file(connection, FoundFile(Path("/photos", name), 1, 1), image_id)
                writing.keep_image(connection, image_id, METADATA.get(name, {}))
            writing.put_file(connection, FoundFile(Path("/copies/munich"), 1, 1), 1)
            writing.add_captions(connection, 1, [Caption("a tower")])
            writing.add_captions(connection, 2, [Caption("beach, sea", "xmp", "keywords")])
        yield made


def passing(catalogue: Catalogue, where: Filter) -> list[str]:
    with catalogue.reader() as connection:
        ids = allowed_ids(connection, where)
    names = list(IMAGES)
    return names if ids is None else [names[image_id - 1] for image_id in ids.tolist()]


def test_no_condition_allows_everything(catalogue: Catalogue) -> None:
    with catalogue.reader() as connection:
        assert allowed_ids(connection, Filter()) is None


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (Filter(ids=[5, 1, 1, 99]), ["a/munich", "b/wide"]),
        (Filter(ids=[]), []),
        (Filter(under=[Path("/photos/a")]), ["a/munich", "a/sydney"]),
        (Filter(under=[Path("/copies"), Path("/photos/b/tall")]), ["a/munich", "b/tall"]),
        (Filter(under=[]), []),
        (Filter(not_under=[Path("/photos/ab"), Path("/copies")]), ["a/sydney", "b/wide", "b/tall"]),
        (Filter(after=date(2024, 6, 1)), ["a/munich", "ab/phone"]),
        (Filter(before=date(2024, 6, 1)), ["a/sydney", "ab/camera"]),
        (Filter(after=moment("2024"), before=moment("2025")), ["a/munich", "ab/camera"]),
        (Filter(after=moment("2024-06-01 12:00")), ["a/munich", "ab/phone"]),
        (Filter(after=moment("2024-06-01 12:00:01")), ["ab/phone"]),
        (Filter(before=moment("2024-06-01T12:00")), ["a/sydney", "ab/camera"]),
        (Filter(formats=["png", ".HEIC"]), ["ab/phone", "b/wide"]),
        (Filter(not_formats=["jpg", "png"]), ["ab/phone"]),
        (Filter(cameras=["fuji", "IPHONE"]), ["ab/camera", "ab/phone"]),
        (Filter(not_cameras=["apple"]), ["a/munich", "a/sydney", "ab/camera", "b/wide", "b/tall"]),
        (Filter(near=MUNICH), ["a/munich"]),
        (Filter(min_size=least_size("1000x2000")), ["b/wide", "b/tall"]),
        (Filter(min_size=least_size("3000x1000")), ["b/wide"]),
        (Filter(min_size=least_size("3MP")), ["b/wide", "b/tall"]),
        (Filter(min_size=least_size("3.1")), ["b/wide"]),
        (Filter(has_caption=True), ["a/munich"]),
        (Filter(has_caption=False, under=[Path("/photos/a")]), ["a/sydney"]),
        (Filter(has_caption=True, after=moment("2024-06-02")), []),
    ],
    ids=str,
)
def test_a_filter_lets_through_what_it_names(
    catalogue: Catalogue, where: Filter, names: list[str]
) -> None:
    assert passing(catalogue, where) == names


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("sku=C-17", ["a/munich"]),
        ("sku=17", ["a/sydney"]),
        ("price=17.0", ["a/sydney"]),
        ('price="17"', []),
        ("on=true", ["a/sydney"]),
        ("on=1", ["b/wide"]),
        ("none=null", ["a/sydney"]),
        ("tags=white", ["a/munich"]),
        ("tags=3", ["a/munich"]),
        ("tags=1", []),
        ("shop.city=Bonn", ["a/munich", "a/sydney"]),
        ("shop=Bonn", ["b/wide"]),
        ("größe.in cm=4", ["b/wide"]),
        ("sku!=C-17", ["a/sydney", "ab/camera", "ab/phone", "b/wide", "b/tall"]),
        ("price=99999999999999999999", []),
        ("sku=a=b", []),
    ],
)
def test_metadata_is_compared_as_json(catalogue: Catalogue, asked: str, names: list[str]) -> None:
    assert passing(catalogue, Filter(metadata=[metadata_is(asked)])) == names


def test_each_condition_on_metadata_must_hold(catalogue: Catalogue) -> None:
    both = [metadata_is("tags=white"), metadata_is("price=8.5")]
    assert passing(catalogue, Filter(metadata=both)) == ["a/munich"]
    assert passing(catalogue, Filter(metadata=[*both, metadata_is("sku=17")])) == []


def test_metadata_that_is_no_json_is_no_error_and_holds_nothing(tmp_path: Path) -> None:
    with Catalogue.create(tmp_path, TOWER) as made, made.writer() as connection:
        with transaction(connection):
            info = ImageInfo(b"nan", "JPEG", 1, 1, 1)
            image_id = writing.insert_image(connection, info, np.eye(2, dtype=np.float32)[0])
            writing.keep_image(connection, image_id, {"price": math.nan})
        wanted, others = (Filter(metadata=[metadata_is(f"price{sign}1")]) for sign in ("=", "!="))
        assert filter_counts(connection, wanted).passing == 0
        assert filter_counts(connection, others).passing == 1


def test_more_places_than_an_expression_of_sql_can_hold(catalogue: Catalogue) -> None:
    places = [Path(f"/nowhere/{number}") for number in range(3_000)]
    assert passing(catalogue, Filter(under=[*places, Path("/photos/b/tall")])) == ["b/tall"]


def test_a_time_with_a_zone_counts_as_the_camera_showed_it(tmp_path: Path) -> None:
    taken = datetime(2024, 1, 1, 0, 30, tzinfo=UTC)
    with Catalogue.create(tmp_path, TOWER) as made, made.writer() as connection:
        with transaction(connection):
            info = ImageInfo(b"zone", "JPEG", 1, 1, 1, taken)
            writing.insert_image(connection, info, np.eye(2, dtype=np.float32)[0])
        for where, count in [
            (Filter(after=moment("2024-01-01T00:30")), 1),
            (Filter(before=moment("2024-01-01T00:30")), 0),
            (Filter(before=moment("2024-01-01T00:31")), 1),
        ]:
            assert filter_counts(connection, where).passing == count


def test_counts_say_what_is_not_known(catalogue: Catalogue) -> None:
    with catalogue.reader() as connection:
        counts = filter_counts(connection, Filter(after=date(2030, 1, 1)))
    assert counts == FilterCounts(6, passing=0, undated=2, unplaced=4, unnamed_camera=4)


@pytest.mark.parametrize(
    ("here", "there", "km"),
    [
        ((52.52, 13.405), (48.137, 11.575), 504.4),  # Berlin and Munich
        ((0, 179.5), (0, -179.5), 111.195),  # over the date line
        ((89.9, 0), (89.9, 180), 22.239),  # over the pole
        ((10, 20), (-10, -160), math.pi * 6371.0088),  # the other side of the Earth
    ],
)
def test_distances_go_the_shortest_way(
    here: tuple[float, float], there: tuple[float, float], km: float
) -> None:
    assert Near(*here, 1).distances_km(*there) == pytest.approx(km, rel=1e-3)


def test_near_is_exact_among_places_all_over_the_earth(tmp_path: Path) -> None:
    draw = random.Random(7)
    places = [(draw.uniform(-90, 90), draw.uniform(-180, 180)) for _ in range(400)]
    with Catalogue.create(tmp_path, TOWER) as made, made.writer() as connection:
        with transaction(connection):
            for number, (latitude, longitude) in enumerate(places):
                info = ImageInfo(
                    str(number).encode(), "JPEG", 1, 1, 1, latitude=latitude, longitude=longitude
                )
                writing.insert_image(connection, info, np.eye(2, dtype=np.float32)[0])
        for _ in range(30):
            near = Near(draw.uniform(-90, 90), draw.uniform(-180, 180), draw.uniform(50, 19_000))
            allowed = allowed_ids(connection, Filter(near=near))
            expected = [n for n, there in enumerate(places, 1) if _apart(near, there) <= near.km]
            assert allowed is not None
            assert allowed.tolist() == expected


def _apart(near: Near, there: tuple[float, float]) -> float:
    """The distance by the spherical law of cosines, in kilometres."""
    a, b = math.radians(near.latitude), math.radians(there[0])
    turn = math.radians(there[1] - near.longitude)
    cosine = math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(turn)
    return 6371.0088 * math.acos(max(-1.0, min(1.0, cosine)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024", datetime(2024, 1, 1)),
        ("2024-06", datetime(2024, 6, 1)),
        (" 2024-06-30 ", datetime(2024, 6, 30)),
        ("2024-06-30 18:05", datetime(2024, 6, 30, 18, 5)),
        ("2024-06-30T18:05:09", datetime(2024, 6, 30, 18, 5, 9)),
    ],
)
def test_a_date_is_the_beginning_of_what_it_names(text: str, found: datetime) -> None:
    assert moment(text) == found


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: moment("24"), "no date"),
        (lambda: moment("2024-13"), "no date"),
        (lambda: moment("2024-02-30"), "no date"),
        (lambda: moment(""), "no date"),
        (lambda: moment("202"), "no date"),
        (lambda: Filter(after=date(2025, 1, 1), before=date(2024, 1, 1)), "is not earlier"),
        (lambda: Filter(after=date(2025, 1, 1), before=datetime(2025, 1, 1)), "is not earlier"),
        (lambda: place("91,0,1"), "latitude 91 is not between"),
        (lambda: place("0,200,1"), "longitude 200 is not between"),
        (lambda: place("nan,0,1"), "latitude nan is not between"),
        (lambda: place("0,0,0"), "no distance above 0"),
        (lambda: place("0,0,inf"), "no distance above 0"),
        (lambda: place("48.1,11.6"), "no LATITUDE,LONGITUDE,KM"),
        (lambda: least_size("big"), "no size"),
        (lambda: least_size("0x0"), "asks for nothing"),
        (lambda: MinSize(width=-1), "not below 0"),
        (lambda: metadata_is("price"), "no KEY=VALUE"),
        (lambda: metadata_is("=1"), "no KEY=VALUE"),
        (lambda: metadata_is("tags=[1]"), "no single text"),
        (lambda: MetadataIs('a"b', [1]), "no key"),
        (lambda: MetadataIs("a", []), "no value"),
        (lambda: Filter(formats=["psd"]), "there is no format 'psd'"),
        (lambda: Filter(not_cameras=[" "]), "a camera's name is empty"),
    ],
)
def test_what_no_image_can_pass_is_refused(made: Any, said: str) -> None:
    with pytest.raises(BadFilter, match=said):
        made()


def test_every_format_that_is_taken_in_can_be_asked_for() -> None:
    taken_in = {name for _, name in formats._ALLOWED} | {"AVIF", "HEIF", "PIXELS"}
    assert set(FORMATS) == taken_in
    assert {format_named(name.lower()) for name in FORMATS} == taken_in

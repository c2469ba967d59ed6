"""The page of hits: whole in itself, harmless, and showing pictures as they are."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from clipsearch.gallery import Row, gallery_page, write_gallery
from clipsearch.gallery.thumbnails import thumbnail_size
from clipsearch.values import Caption, Hit, Image, ImageInfo

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
HOSTILE = "<img src=x onerror=document.title='owned'>.jpg"


def hit(path: Path | None, score: float = 0.3, size: tuple[int, int] = (64, 48)) -> Hit:
    info = ImageInfo(b"fingerprint", "JPEG", *size, bytes=1)
    return Hit(1, score, Image(7, info, (path,) if path else ()))


def picture(path: Path, size: tuple[int, int] = (64, 48), **saving: object) -> Path:
    PillowImage.new("RGB", size, "teal").save(path, "JPEG", **saving)
    return path


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def shown(page: str) -> list[PillowImage.Image]:
    sources = [image["src"] or "" for image in Tags(page).named("img")]
    data = [base64.b64decode(source.removeprefix("data:image/jpeg;base64,")) for source in sources]
    return [PillowImage.open(io.BytesIO(each)) for each in data]


def test_the_page_fetches_nothing_and_runs_nothing(tmp_path: Path) -> None:
    page = gallery_page([Row("a cat", [hit(picture(tmp_path / "a.jpg"))])], "about")
    tags = Tags(page)
    policy = tags.named("meta")[-1]["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not tags.named("script")
    assert not tags.named("link")
    leads = [link["href"] for link in tags.named("a")]
    assert leads == [(tmp_path / "a.jpg").as_uri()] * 2
    assert not re.search(r"https?:|//|url\(", page.replace(tmp_path.as_uri(), ""))
    assert not [name for _, attributes in tags.found for name in attributes if name[:2] == "on"]


def test_hostile_names_and_titles_are_text(tmp_path: Path) -> None:
    path = picture(tmp_path / HOSTILE)
    page = gallery_page([Row("<script>alert(1)</script>\"'", [hit(path)])], "</p><script>")
    tags = Tags(page)
    assert not tags.named("script")
    assert len(tags.named("img")) == 1
    assert set(tags.named("img")[0]) == {"src", "width", "height", "alt"}


def test_what_cannot_be_seen_is_replaced() -> None:
    path = Path("/nosuch/" + os.fsdecode("\u202egpj\x1b[31m.jpg".encode() + b"\xff"))
    page = gallery_page([Row("a\x00b", [hit(path)])], "about")
    page.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", page)


def test_a_thumbnail_is_upright_small_and_without_metadata(tmp_path: Path) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x010F] = "a camera"
    path = picture(tmp_path / "a.jpg", (800, 400), exif=exif)
    [small] = shown(gallery_page([Row("q", [hit(path, size=(400, 800))])], "about"))
    assert small.size == (160, 320)
    assert small.format == "JPEG"
    assert not small.getexif()


@pytest.mark.parametrize(
    ("size", "small"),
    [((3000, 2000), (320, 213)), ((10, 20), (10, 20)), ((60000, 1), (320, 1))],
)
def test_a_thumbnail_keeps_its_proportions_and_is_never_enlarged(
    size: tuple[int, int], small: tuple[int, int]
) -> None:
    assert thumbnail_size(*size) == small


def test_a_picture_that_is_gone_or_no_file_is_said(tmp_path: Path) -> None:
    page = gallery_page([Row("q", [hit(tmp_path / "gone.jpg"), hit(None)])], "about")
    assert page.count("cannot be shown") == 2
    assert "image 7" in page


def test_every_picture_has_its_alternative_text_and_its_score(tmp_path: Path) -> None:
    page = gallery_page([Row("a cat", [hit(picture(tmp_path / "a.jpg"), -0.25)])], "about")
    assert Tags(page).named("img")[0]["alt"] == "Hit 1 for a cat: a.jpg"
    assert "−0.250" in page


def test_the_alternative_text_is_the_first_caption_where_there_is_one(tmp_path: Path) -> None:
    info = ImageInfo(b"fingerprint", "JPEG", 64, 48, bytes=1)
    captions = (Caption("cat", kind="keywords"), Caption('a "cat"\n on <b>a</b> sill\x1b'))
    told = Hit(1, 0.3, Image(7, info, (picture(tmp_path / "a.jpg"),), captions))
    page = gallery_page([Row("a cat", [told])], "about")
    assert Tags(page).named("img")[0]["alt"] == 'Hit 1 for a cat: a "cat" on <b>a</b> sill\ufffd'


def test_rank_match_and_caption_stand_below_a_picture(tmp_path: Path) -> None:
    info = ImageInfo(b"fingerprint", "JPEG", 64, 48, bytes=1)
    found = Image(7, info, (picture(tmp_path / "a.jpg"),), (Caption("a <cat>"),))
    page = gallery_page([Row("a cat", [Hit(3, 0.3, found, probability=0.614)])], "about")
    assert "<span class=rank>3</span>" in page
    assert "<span class=match>61%</span>" in page
    assert "<p class=said>a &lt;cat&gt;</p>" in page


def test_a_model_s_caption_is_marked_and_gives_way_to_a_person_s(tmp_path: Path) -> None:
    info = ImageInfo(b"fingerprint", "JPEG", 64, 48, bytes=1)
    model, person = Caption("two <dogs>", "generated:my <model>"), Caption("a cat")
    told = Image(7, info, (picture(tmp_path / "a.jpg"),), (model,))
    page = gallery_page([Row("q", [Hit(1, 0.3, told)])], "about")
    said = "two &lt;dogs&gt; <small>by a model</small></p>"
    assert f'<p class=said title="written by my &lt;model&gt;">{said}' in page
    both = Image(7, info, told.paths, (model, person))
    page = gallery_page([Row("q", [Hit(1, 0.3, both)])], "about")
    assert "<p class=said>a cat</p>" in page
    assert "dogs" not in page


def test_a_picture_leads_to_its_file_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a ?#%\"'\udcff.jpg"
    page = gallery_page([Row("q", [hit(path), hit(None)])], "about")
    leads = {link["href"] for link in Tags(page).named("a")}
    assert leads == {f"{tmp_path.as_uri()}/a%20%3F%23%25%22%27%FF.jpg"}


def test_the_reason_of_a_hit_stands_below_it(tmp_path: Path) -> None:
    page = gallery_page([Row("cats", [hit(None)], reasons={7: "<b>3 km away"})], "about")
    assert "<p class=why>&lt;b&gt;3 km away</p></figure>" in page


def test_the_bars_are_measured_by_the_best_score_of_the_page() -> None:
    rows = [Row("a", [hit(None, 0.4)]), Row("b", [hit(None, 0.1)]), Row("c", [hit(None, -0.1)])]
    bars = re.findall(r'<i style="width:([\d.]+)%">', gallery_page(rows, "about"))
    assert bars == ["100.0", "25.0", "0.0"]


def test_a_row_without_hits_says_so() -> None:
    assert "Nothing found." in gallery_page([Row("a", [])], "about")


def test_writing_replaces_the_page_whole(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    write_gallery(target, [Row("a", [])], "about")
    assert target.read_text().endswith("</html>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open the page with")
def test_a_browser_runs_nothing_of_a_hostile_name(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    write_gallery(target, [Row(HOSTILE, [hit(picture(tmp_path / HOSTILE))])], HOSTILE)
    assert CHROMIUM is not None
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/user"]
    done = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", target.as_uri()],
        capture_output=True,
        timeout=60,
        check=True,
    )
    dom = Tags(done.stdout.decode())
    assert len(dom.named("img")) == 1
    assert "<title>owned" not in done.stdout.decode()

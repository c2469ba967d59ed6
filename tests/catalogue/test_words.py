"""Words find images: captions, keywords and names, whatever a text is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection

from clipsearch.catalogue import Catalogue, reading, staging, transaction, words, writing
from clipsearch.catalogue.terms import name_words, terms
from clipsearch.values import Caption, FoundFile, ImageInfo, TowerIdentity

TOWER = TowerIdentity("colours", 4, "fp32", "d" * 64)
EMBEDDING = np.array([1, 0, 0, 0], np.float32)
SYNTAX = ['"', "AND", "dog AND", "captions:dog", "dog*", "(", "NEAR(dog cat)", "^dog", "-dog", "\0"]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with Catalogue.create(tmp_path, TOWER) as catalogue, catalogue.writer() as connection:
        yield connection


def put(connection: Connection, name: str, *captions: Caption | str) -> int:
    """Put in an image that lies at /photos/NAME; its row of words is stale then."""
    with transaction(connection):
        info = ImageInfo(os.fsencode(name), "JPEG", 4, 3, 100)
        image_id = writing.insert_image(connection, info, EMBEDDING)
        writing.put_file(connection, FoundFile(Path("/photos") / name, 1, 1), image_id)
        texts = [text if isinstance(text, Caption) else Caption(text) for text in captions]
        writing.add_captions(connection, image_id, texts)
    return image_id


def put_others(connection: Connection) -> None:
    """Images enough for a word of one to be rare."""
    for number in range(8):
        put(connection, f"{number}.jpg", "nothing of note")


def found(connection: Connection, text: str) -> list[int]:
    """The ids that match, best first."""
    words.bring_up(connection)
    matched = words.matching(connection, terms(text), None)
    best_first = np.argsort(-matched.bm25, kind="stable")
    return list(matched.ids[best_first].tolist())


def test_captions_are_found_by_a_word_in_another_form(connection: Connection) -> None:
    dogs = put(connection, "1.jpg", "Two dogs are running")
    put(connection, "2.jpg", "a cat")
    assert found(connection, "a dog that runs") == [dogs]


def test_more_of_the_words_come_first(connection: Connection) -> None:
    put_others(connection)
    one = put(connection, "a.jpg", "a dog")
    both = put(connection, "b.jpg", "a dog at the beach")
    assert found(connection, "beach dog") == [both, one]


@pytest.mark.parametrize("part", ["海滩", "狗", "小狗在", "在海滩上"])
def test_chinese_captions_are_found_by_a_part_of_a_sentence(
    connection: Connection, part: str
) -> None:
    put(connection, "1.jpg", "一只猫睡觉")
    dog = put(connection, "2.jpg", "一只小狗在海滩上跑")
    assert found(connection, part) == [dog]


@pytest.mark.parametrize(
    ("caption", "part"),
    [("砂浜を走る犬", "走る"), ("หมาวิ่งบนชายหาด", "ชายหาด"), ("강아지가 해변에서 뛴다", "해변")],
)
def test_other_texts_without_spaces_are_found_by_a_part(
    connection: Connection, caption: str, part: str
) -> None:
    put(connection, "1.jpg", "something else")
    own = put(connection, "2.jpg", caption)
    assert found(connection, part) == [own]


def test_letters_of_two_scripts_in_one_word_are_both_found(connection: Connection) -> None:
    own = put(connection, "1.jpg", "iPhone手机")
    assert found(connection, "iphone") == [own]
    assert found(connection, "手机") == [own]


def test_an_accent_makes_no_other_word(connection: Connection) -> None:
    own = put(connection, "1.jpg", "un café au lait")
    assert found(connection, "CAFE") == [own]


@pytest.mark.parametrize("text", SYNTAX)
def test_nothing_in_a_query_is_syntax(connection: Connection, text: str) -> None:
    dog = put(connection, "1.jpg", "a dog")
    put(connection, "2.jpg", "a horse")
    assert found(connection, text) == ([dog] if "dog" in text else [])


def test_stop_words_alone_match_no_picture(connection: Connection) -> None:
    put(connection, "1.jpg", "the dog on the beach")
    assert found(connection, "the") == []
    assert found(connection, "in the") == []


def test_stop_words_beside_others_match_nothing_more(connection: Connection) -> None:
    put(connection, "1.jpg", "the cat on the sofa")
    dog = put(connection, "2.jpg", "a dog")
    assert found(connection, "the dog on the photo") == [dog]


def test_stop_words_that_are_a_name_are_found_together(connection: Connection) -> None:
    put(connection, "1.jpg", "who is the man")
    band = put(connection, "2.jpg", "The Who on stage")
    assert found(connection, "the who") == [band]


def test_names_of_files_and_folders_are_found(connection: Connection) -> None:
    put(connection, "other/1.jpg")
    own = put(connection, "Summer2024/myHolidayAt-the_lake.jpg")
    for text in ("summer", "2024", "holiday", "lake", "myHolidayAt", "Summer2024"):
        assert found(connection, text) == [own], text


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/home/me/Pictures/Norway/IMG_0042.JPG", "Pictures Norway IMG 0042"),
        ("/home/me/Pictures/DSC00042a.jpg", "Pictures DSC 00042 DSC00042a"),
        ("/home/me/Pictures/猫2.png", "Pictures  猫   猫 2"),
        ("/elsewhere/far/HTMLPage.png", "far HTML Page HTMLPage"),
        ("/x.png", ""),
    ],
)
def test_a_name_has_words_from_its_root_on(path: str, found: str) -> None:
    assert name_words(Path(path), [Path("/home/me/Pictures")]) == found


def test_a_name_that_is_no_utf8_has_the_words_that_can_be_read(connection: Connection) -> None:
    own = put(connection, b"dog-\xff\xfe.jpg".decode("utf-8", "surrogateescape"))
    assert found(connection, "dog") == [own]


def test_people_count_more_than_a_model_and_than_a_name(connection: Connection) -> None:
    put_others(connection)
    name = put(connection, "dog.jpg", "none")
    model = put(connection, "b.jpg", Caption("a dog here", "generated:small"))
    human = put(connection, "c.jpg", Caption("a dog here", "human"))
    assert found(connection, "dog")[0] == human
    assert set(found(connection, "dog")[1:]) == {name, model}


def test_a_filter_holds(connection: Connection) -> None:
    put(connection, "a.jpg", "dog dog dog")
    second = put(connection, "b.jpg", "a dog and many other words")
    words.bring_up(connection)
    assert words.matching(connection, terms("dog"), np.array([second])).ids.tolist() == [second]


def test_all_the_words_count_by_how_rare_that_is(connection: Connection) -> None:
    put_others(connection)
    both = put(connection, "a.jpg", "a dog at the beach")
    one = put(connection, "b.jpg", "a dog")
    words.bring_up(connection)
    matched = words.matching(connection, terms("dog beach"), None)
    assert matched.ids.tolist() == [both, one]
    assert matched.whole.tolist() == pytest.approx([np.log(11), 0.0])


def test_all_the_words_of_a_model_count_half(connection: Connection) -> None:
    put(connection, "a.jpg", Caption("a dog at the beach", "generated:small"))
    put(connection, "beach/b.jpg", Caption("a dog"))
    words.bring_up(connection)
    matched = words.matching(connection, terms("dog beach"), None)
    assert matched.whole.tolist() == pytest.approx([words.WHOLE_GENERATED * np.log(2), np.log(2)])


def test_the_words_that_matched_are_told_as_the_query_spells_them(connection: Connection) -> None:
    one = put(connection, "1.jpg", "Dogs at the beach")
    two = put(connection, "beach.jpg")
    words.bring_up(connection)
    told = words.matched_words(connection, terms("a running dog, Beach"), [one, two])
    assert told == {one: ("dog", "Beach"), two: ("Beach",)}


def test_a_very_long_query_is_cut_and_not_refused(connection: Connection) -> None:
    own = put(connection, "1.jpg", "w3")
    assert found(connection, " ".join(f"w{number}" for number in range(20_000))) == [own]
    assert len(terms("狗" * 10_000 + " ".join(map(str, range(1000))))) <= 64


def test_what_is_written_makes_its_words_stale_and_an_embedding_does_not(
    connection: Connection,
) -> None:
    first, second = put(connection, "a.jpg", "cat"), put(connection, "b.jpg", "dog")
    words.bring_up(connection)
    with transaction(connection):
        connection.exec_driver_sql("UPDATE captions SET embedding = x'00'")
    assert stale(connection) == []
    with transaction(connection):  # what lay at a.jpg is another picture now
        writing.put_file(connection, FoundFile(Path("/photos/a.jpg"), 2, 2), second)
    assert stale(connection) == [first, second]


def test_words_of_what_is_gone_are_gone(connection: Connection) -> None:
    gone, kept = put(connection, "a.jpg", "dog"), put(connection, "b.jpg", "dog")
    words.bring_up(connection)
    with transaction(connection):
        staging.drop_images(connection, [gone])
    assert words.matching(connection, terms("dog"), None).ids.tolist() == [kept]
    assert found(connection, "dog") == [kept]
    assert stale(connection) == []


def test_many_stale_rows_are_brought_up_in_chunks(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "CHUNK", 3)
    put_others(connection)
    assert words.bring_up(connection) == reading.count_images(connection) == 8
    assert words.bring_up(connection) == 0


def stale(connection: Connection) -> list[int]:
    return list(connection.exec_driver_sql("SELECT image_id FROM words_stale").scalars())

"""Questions with answers are read in the forms that people have them in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clipsearch.captions import read_questions
from clipsearch.evaluation_errors import SourceUnreadable


def test_a_table_has_answers_as_a_json_list_or_as_one_text(tmp_path: Path) -> None:
    table = tmp_path / "q.csv"
    table.write_text(
        "filepath,question,answers,choices,split\n"
        'a.jpg,Is it red?,"[""yes"", ""no""]","[""yes"", ""no""]",dev\n'
        "b.jpg,What is it?,dog,,dev\n"
        "c.jpg,What is it?,dog,,train\n"
        "d.jpg,,dog,,dev\n"
        "e.jpg,What is it?,[],,dev\n"
        "../f.jpg,What is it?,dog,,dev\n"
    )
    found = read_questions(table, "dev")
    assert [(each.name, each.answers, each.choices) for each in found.questions] == [
        ("a.jpg", ("yes", "no"), ("yes", "no")),
        ("b.jpg", ("dog",), ()),
    ]
    reasons = {skip.reason for skip in found.skips}
    assert reasons == {
        "line 5: it has no question",
        "line 6: it has no answer",
        "line 7: its picture would lie outside the folder",
    }


def test_jsonl_has_lists_of_its_own(tmp_path: Path) -> None:
    table = tmp_path / "q.jsonl"
    rows = [
        {"image": "a.jpg", "question": "How many?", "answers": [2, "two"]},
        {"image": "a.jpg", "question": "Who?", "answers": [{"answer": "Ann"}, {"answer": "she"}]},
    ]
    table.write_text("\n".join(map(json.dumps, rows)) + "\nno json\n")
    found = read_questions(table)
    assert [each.answers for each in found.questions] == [("2", "two"), ("Ann", "she")]
    assert len(found.skips) == 1


def write_vqa(folder: Path, **also: object) -> Path:
    questions = {
        "data_subtype": "val2014",
        "questions": [
            {"image_id": 42, "question": "Is it red?", "question_id": 420, **also},
            {"image_id": 43, "question": "Is it blue?", "question_id": 430},
        ],
    }
    answers = [{"answer": "yes", "answer_id": number} for number in range(1, 11)]
    annotations = {"annotations": [{"question_id": 420, "image_id": 42, "answers": answers}]}
    path = folder / "v2_OpenEnded_mscoco_val2014_questions.json"
    path.write_text(json.dumps(questions))
    (folder / "v2_mscoco_val2014_annotations.json").write_text(json.dumps(annotations))
    return path


def test_the_files_of_a_vqa_data_set_are_read_as_they_come(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "COCO_val2014_000000000042.jpg").write_bytes(b"picture")
    source = write_vqa(tmp_path, multiple_choices=["yes", "no"])
    found = read_questions(source, root=pictures)
    (question,) = found.questions
    assert (question.question, question.answers) == ("Is it red?", ("yes",) * 10)
    assert question.choices == ("yes", "no")
    assert question.read() == b"picture"
    assert [skip.reason for skip in found.skips] == ["question 430 has no answer"]


def test_a_picture_s_name_cannot_lead_outside(tmp_path: Path) -> None:
    (question,) = read_questions(write_vqa(tmp_path, image="../secret.jpg")).questions
    with pytest.raises(FileNotFoundError):
        question.read()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("q.csv", "filepath,title\na.jpg,dog\n", "no column question"),
        ("q.json", "[1]", "no JSON object"),
        ("q.json", "{", "no JSON"),
        ("questions.json", '{"questions": []}', "answers are not beside it"),
        ("q.xml", "", "unknown kind"),
        ("q.tsv", None, "no such file"),
    ],
)
def test_what_holds_no_questions_is_refused(
    tmp_path: Path, name: str, text: str | None, reason: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(SourceUnreadable, match=reason):
        read_questions(tmp_path / name)

"""clipsearch eval: measure towers on captioned pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.captioners import Chosen, captioner_options
from clipsearch.cli.eval_request import Request
from clipsearch.cli.exits import DONE, say, say_left_out
from clipsearch.cli.help import command
from clipsearch.cli.progress import shown_progress
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import print_json, skip_record
from clipsearch.cli.tables import print_rows

if TYPE_CHECKING:
    from clipsearch.captions import CaptionedSet
    from clipsearch.evaluation import Evaluation, Tasks

TASKS = (
    "retrieval",
    "classify",
    "similar",
    "agreement",
    "robustness",
    "bias",
    "captions",
    "generated",
    "vqa",
)
CLIP_BENCHMARK = {"retrieval": "zeroshot_retrieval", "classify": "zeroshot_classification"}


@command(
    "clipsearch eval flickr8k.csv --split dev",
    "clipsearch eval flickr8k.csv --split dev --model builtin --model ViT-B-32/openai",
    "clipsearch eval flickr8k.csv --split dev --precision fp32 --precision int8",
    "clipsearch eval photos.csv --task classify --classes names.txt --templates prompts.txt",
    "clipsearch eval shop/ --task similar --labels folder",
    "clipsearch eval coco.csv --task robustness --html report.html",
    "clipsearch eval coco.csv --task bias --group 'man|men' --group 'woman|women'",
    "clipsearch eval flickr8k.csv --split dev --task captions --html captions.html",
    "clipsearch eval --collection holidays --task generated",
    "clipsearch eval questions.jsonl --task vqa --model builtin",
    "clipsearch eval --collection holidays --json",
)
@click.argument("data", required=False, type=options.ANY_PATH)
@click.option("-c", "--collection", "name", metavar="NAME", help="Measure on its own captions.")
@click.option("--split", metavar="NAME", help="Only rows of this split.  [default: all]")
@click.option("--root", type=options.ANY_PATH, metavar="DIR", help="Where DATA's pictures lie.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only N captioned pictures.")
@click.option(
    "--model", "models", multiple=True, metavar="MODEL", help="A tower; may repeat, side by side."
)
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    type=click.Choice(options.PRECISIONS),
    help="How each --model calculates; may repeat, side by side.",
)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    type=click.Choice(TASKS),
    default=("retrieval",),
    show_default=True,
    help="What to measure; may repeat.",
)
@click.option(
    "--templates",
    type=options.ANY_PATH,
    metavar="FILE",
    help="Prompts, one a line: {} is a class's bare name, {a} has its article.",
)
@click.option("--classes", type=options.ANY_PATH, metavar="FILE", help="Class names, one a line.")
@click.option(
    "--labels",
    type=click.Choice(["caption", "folder"]),
    default="caption",
    show_default=True,
    help="What a picture's label is, for classify and similar.",
)
@click.option(
    "--group", "groups", multiple=True, metavar="WORDS", help="man|men: a group for bias; repeat."
)
@click.option("--neutral", multiple=True, metavar="QUERY", help="A query for bias; may repeat.")
@captioner_options
@options.no_progress_option
@options.html_option
@options.json_option
def evaluate_command(
    data: Path | None,
    name: str | None,
    models: tuple[str, ...],
    quiet: bool,
    html: Path | None,
    form: options.Form | None,
    chosen: Chosen,
    **given: Any,
) -> int:
    """Measure towers on captioned pictures.

    DATA is a CSV, TSV or JSONL file (`filepath,title[,split]`; pictures lie beside it, or in a
    tar of its name), a folder with captions in .txt files, or a webdataset tar.

    retrieval counts every caption of a picture as right: R@k (hit@k) both ways, median rank,
    mAP, nDCG@10. Of a collection the embeddings that it holds are taken, and its pictures without
    captions are searched through, too. robustness measures it anew under JPEG, blur, noise, crop,
    rotation, grey and an attack (PGD, needs torch).

    captions, asked alone, has each picture captioned and measures BLEU-1 to 4, ROUGE-L and
    CIDEr-D against the captions of the set, METEOR too where Java and pycocoevalcap are.

    generated, asked alone, says what a model's captions add to a search: R@k of pictures alone,
    and of pictures and such captions together. DATA's pictures are captioned for it; a
    collection is measured with the captions that `clipsearch caption --write catalogue` put there.

    vqa, asked alone, has each question of DATA answered (`filepath,question,answers[,choices]`,
    lists as JSON; or the questions of a VQA data set, .json) and measures the VQA accuracy. Its
    --model is one of `clipsearch ask`.
    """
    asked = Request(data, name, models, chosen, options.Shown(form, html, quiet), given)
    for task, measure in _ALONE.items():
        if task in given["tasks"]:
            return measure(asked)
    chosen.refuse_unless(False, "--task captions or --task generated")
    captioned, towers = asked.captioned(), asked.towers()
    evaluations = _evaluated(captioned, towers, _tasks(given), quiet=quiet)
    _show(captioned, evaluations, form, given["split"])
    if html is not None:
        from clipsearch.durable import write_durably
        from clipsearch.evaluation import evaluation_page

        write_durably(html, evaluation_page(evaluations).encode())
        say(f"wrote {html}")
    return DONE


evaluate_command.name = "eval"


def _show(
    captioned: CaptionedSet,
    evaluations: Sequence[Evaluation],
    form: options.Form | None,
    split: str | None,
) -> None:
    skips = (*captioned.skips, *evaluations[0].embedded.skips)
    if form == "json":
        print_json("eval", _document(captioned, evaluations, skips, split))
        return
    say_left_out(skips, "--json lists them all.")
    _say_used(captioned, evaluations[0])
    models = (f">{quoted(each.name)}" for each in evaluations)
    print_rows(["task", "measure", *models, ""], _rows(evaluations))


def _captions(asked: Request) -> int:
    from clipsearch.cli.eval_captions import measure_captions

    asked.refuse_others("captions", most_models=0, most_precisions=0)
    return measure_captions(asked.captioned(), asked.chosen, asked.shown)


def _vqa(asked: Request) -> int:
    from clipsearch.captions import read_questions
    from clipsearch.cli.eval_vqa import measure_vqa

    asked.refuse_others("vqa", most_models=1, most_precisions=0)
    if asked.data is None or asked.collection is not None:
        raise click.UsageError("--task vqa needs DATA with questions, and no collection.")
    asked.chosen.refuse_unless(False, "--task captions")
    found = read_questions(asked.data, asked.given["split"], asked.given["root"])
    found = replace(found, questions=found.questions[: asked.given["limit"]])
    model = asked.models[0] if asked.models else "builtin"
    return measure_vqa(found, replace(asked.chosen, captioner=model), asked.shown)


def _generated(asked: Request) -> int:
    from clipsearch.cli.eval_generated import measure_generated

    asked.refuse_others("generated", most_models=1, most_precisions=1)
    if asked.shown.html is not None:
        raise click.UsageError("--task generated has no page; --task captions has one.")
    others = ("classes", "templates", "groups", "neutral")
    if any(asked.given[each] for each in others) or asked.given["labels"] != "caption":
        raise click.UsageError("--task generated takes no classes, templates, labels or groups.")
    of_data = "DATA: a collection is measured with the captions it has"
    asked.chosen.refuse_unless(asked.collection is None, of_data)
    return measure_generated(asked)


_ALONE: Mapping[str, Callable[[Request], int]] = {
    "vqa": _vqa,
    "generated": _generated,
    "captions": _captions,
}
"""Tasks that measure no tower by itself, each by a module of its own."""


def _evaluated(
    data: CaptionedSet, towers: Sequence[clipsearch.TowerPair], tasks: Tasks, *, quiet: bool
) -> list[Evaluation]:
    """Measure each tower on the set."""
    from clipsearch.evaluation import evaluate

    evaluations = []
    with shown_progress(quiet=quiet) as listener:

        def hear(phase: str, done: int, total: int, failed: int) -> None:
            if phase == "pictures":  # texts are quick, and no images a second
                listener(clipsearch.Progress("embedding", done, total, failed))

        for tower in towers:
            own = replace(tasks, attacks=_attack(tower, tasks))
            evaluations.append(evaluate(tower, data, own, hear))
    return evaluations


def _say_used(data: CaptionedSet, evaluation: Evaluation) -> None:
    """What was measured on."""
    if data.duplicates:
        say(f"note: {data.duplicates} rows repeat a picture with its caption")
    used = evaluation.embedded
    say(f"{len(used.pictures)} pictures, {len(used.texts)} captions")
    if alone := len(used.pictures) - used.captioned:
        say(f"note: {alone} pictures have no caption; they are searched through as well")


def _tasks(given: Mapping[str, Any]) -> Tasks:
    from clipsearch.evaluation import Tasks, read_classes, read_templates

    groups = {words: [each for each in words.split("|") if each] for words in given["groups"]}
    if "bias" in given["tasks"] and len(groups) < 2:
        raise click.UsageError("bias needs two groups: --group 'man|men' --group 'woman|women'.")
    tasks = Tasks(
        names=given["tasks"],
        classes=read_classes(given["classes"]) if given["classes"] else None,
        by_folder=given["labels"] == "folder",
        groups=groups,
    )
    if given["templates"]:
        tasks = replace(tasks, templates=read_templates(given["templates"]))
    return replace(tasks, neutral=given["neutral"]) if given["neutral"] else tasks


def _attack(tower: clipsearch.TowerPair, tasks: Tasks) -> Mapping[str, Any]:
    """The attack on a tower, where torch can have its gradient; else a note that says why not."""
    if "robustness" not in tasks.names:
        return {}
    from clipsearch.towers.builtin import BUILTIN_FOLDER, is_builtin

    model = tower.identity.name
    try:
        from clipsearch.training.attack import builtin_image_tower, open_clip_image_tower, pgd
    except ImportError:
        say("note: the attack (pgd) is left out: it needs `pip install 'clipsearch[torch,train]'`")
        return {}
    try:
        found = (
            builtin_image_tower(BUILTIN_FOLDER)
            if is_builtin(model)
            else open_clip_image_tower(model)
        )
    except clipsearch.ClipsearchError as error:
        say(f"note: the attack (pgd) is left out: {error}")
        return {}
    return {"pgd": pgd(found, tower.preprocessing)}


def _pretrained(model: str) -> str:
    """The second half of a name such as ViT-B-32/openai; empty where there is none."""
    architecture, _, pretrained = model.partition("/")
    return "" if ":" in architecture else pretrained


def _rows(evaluations: Sequence[Evaluation]) -> list[list[str]]:
    """A row for each number of a task, a column for each tower."""
    rows = []
    for same in zip(*(each.results for each in evaluations), strict=True):
        task = f"{same[0].task} {quoted(same[0].condition)}".rstrip()
        for measure in same[0].metrics:
            numbers = [_number(measure, each.metrics[measure]) for each in same]
            rows.append([task, _shown_name(measure), *numbers, ""])
    return rows


def _shown_name(measure: str) -> str:
    text = measure.replace("image_retrieval_", "text to image ")
    text = text.replace("text_retrieval_", "image to text ")
    return quoted(text.replace("recall@", "R@"))


def _number(measure: str, value: float) -> str:
    if measure.endswith(("median_rank", "skew", "queries", "no_class")):
        return f"{value:g}" if not measure.endswith("skew") else f"{value:+.2f}"
    return f"{100 * value:.1f} %"


def _document(
    data: CaptionedSet,
    evaluations: Sequence[Evaluation],
    skips: Sequence[clipsearch.Skip],
    split: str | None,
) -> dict[str, Any]:
    """The results in CLIP_benchmark's form, a number that is none as null."""
    return {
        "source": data.source.encode(errors="replace").decode(),
        "split": split,
        "pictures": len(evaluations[0].embedded.pictures),
        "captions": len(evaluations[0].embedded.texts),
        "duplicates": data.duplicates,
        "skipped": [skip_record(skip) for skip in skips],
        "results": [
            {
                "dataset": Path(result.dataset).stem.encode(errors="replace").decode(),
                "model": result.model,
                "pretrained": _pretrained(result.model),
                "precision": each.precision,
                "task": CLIP_BENCHMARK.get(result.task, result.task),
                "condition": result.condition,
                "language": "en",
                "metrics": {
                    name: value if math.isfinite(value) else None
                    for name, value in result.metrics.items()
                },
            }
            for each in evaluations
            for result in each.results
        ],
    }

"""clipsearch query: find pictures by words, by pictures, or by both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.asking import as_it_stands, query_parts
from clipsearch.cli.captioners import Chosen, captioner_options
from clipsearch.cli.filters import filter_options
from clipsearch.cli.help import command
from clipsearch.cli.hits import Asking, answer
from clipsearch.cli.output import Output, output_options

if TYPE_CHECKING:
    from clipsearch.filters import Filter


@command(
    'clipsearch query "a dog running on the beach"',
    "clipsearch query dog --minus snow --top 20",
    "clipsearch query a beach --after 2023 --before 2024-06 --near 43.55,7.02,30",
    "clipsearch query a dog --not beach --min-probability 0.5",
    "clipsearch query 2:dog --text beach --image 0.5:./sunset.jpg",
    "curl -s https://example.com/x.jpg | clipsearch query --image -",
    "clipsearch query a red bus --html found.html --explain",
    "clipsearch query Anna 2019 --by words",
    "clipsearch query dog --exact",
    "clipsearch query two dogs fighting over a stick --rerank --explain",
    "clipsearch query cat -0 | xargs -0r cp -t cats/",
    "clipsearch query cat --json | jq -r '.hits[].path'",
)
@click.argument("words", nargs=-1)
@click.option(
    "--text",
    "texts",
    multiple=True,
    callback=options.texts_with_words,
    metavar="TEXT",
    help="A further text; may repeat.",
)
@click.option(
    "--image",
    "pictures",
    multiple=True,
    metavar="FILE",
    help="A picture to look for, `-` for one on stdin; may repeat.",
)
@click.option(
    "--minus",
    multiple=True,
    callback=options.texts_with_words,
    metavar="TEXT|FILE",
    help="Look away from a text, or from a picture where a file of that name exists.",
)
@click.option(
    "--not",
    "without",
    multiple=True,
    callback=options.texts_with_words,
    metavar="TEXT",
    help="Leave out the pictures that probably show TEXT; may repeat.",
)
@options.top_option
@options.min_score_option
@options.min_probability_option
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Show the nearest pictures even if nothing matches.",
)
@click.option(
    "--exact",
    is_flag=True,
    help="Take short words as they stand: else one to three are asked for in sentences (a dog).",
)
@filter_options
@options.collection_option
@output_options
@click.option(
    "--by",
    type=click.Choice(["fused", "pictures", "captions", "words"]),
    default="fused",
    show_default=True,
    help="What to rank by: pictures, captions and words together, or one of them alone; pictures "
    "and captions by plain cosine, which puts short captions that describe nothing first.",
)
@click.option(
    "--rerank",
    is_flag=True,
    help="Let the captioner look at the 50 best pictures once more: slower, the first more often "
    "right.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Show what each rank rests on; with --html also where in each picture the query is.",
)
@click.option(
    "--captions",
    is_flag=True,
    help="Show each picture's caption, written on the spot where it has none.",
)
@captioner_options
def query(
    words: tuple[str, ...],
    texts: tuple[str, ...],
    pictures: tuple[str, ...],
    minus: tuple[str, ...],
    without: tuple[str, ...],
    top: int,
    min_score: float | None,
    min_probability: float | None,
    everything: bool,
    exact: bool,
    where: Filter,
    name: str,
    output: Output,
    by: clipsearch.By,
    rerank: bool,
    explain: bool,
    captions: bool,
    chosen: Chosen,
) -> int:
    """Find pictures by words, by pictures, or by both.

    The WORDS are one text together. Every text and picture may bear a weight before a colon
    (2:dog); a text stays a text where a digit or a space follows its colon (16:9 screen).

    Pictures, their captions and the words of captions, keywords and file names decide together;
    --explain shows what each is worth.

    Prints rank, score (cosine of the picture) and path: a table on a terminal (with the
    probability of a match), tab-separated lines elsewhere. Names are quoted as `ls -b` does, but
    for spaces; -0 writes their very bytes. Exits 1 when nothing is found: also when no picture
    shows the words with a probability of 0.2 or has them all in captions, keywords or names, unless
    --all, --min-score or --min-probability says what to show.
    """
    chosen.refuse_unless(captions, "--captions")
    parts = query_parts(words, texts, pictures, minus)
    if exact:
        parts = [as_it_stands(part) for part in parts]
    asking = Asking(
        command="query",
        parts=parts,
        k=top,
        min_score=min_score,
        where=where,
        explain=explain,
        min_probability=min_probability,
        without=without,
        everything=everything,
        captions=chosen if captions else None,
        by=by,
        rerank=rerank,
    )
    return answer(asking, name, output)

"""clipsearch verify: is the collection whole?"""

from __future__ import annotations

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, ERROR, say
from clipsearch.cli.help import command
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import print_json


@command("clipsearch verify", "clipsearch verify -c holidays --json")
@options.collection_option
@options.json_option
def verify(name: str, form: options.Form | None) -> int:
    """Check catalogue and index down to their bytes.

    Nothing is changed. Exits 2 when something is wrong. A damaged index is made again by
    `clipsearch rebuild`.
    """
    with clipsearch.Collection(name) as collection:
        report = collection.verify()
    if form == "json":
        fields = {"collection": name, "images": report.images, "faults": list(report.faults)}
        print_json("verify", fields)
    else:
        for fault in report.faults:
            say(fault)
        state = "whole" if report.whole else f"{len(report.faults)} faults"
        print(f"{quoted(name)}: {report.images} images, {state}")
    return DONE if report.whole else ERROR

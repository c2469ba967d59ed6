"""clipsearch doctor: is the installation sound?"""

from __future__ import annotations

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, ERROR
from clipsearch.cli.help import command
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import print_json
from clipsearch.cli.tables import print_rows


@command("clipsearch doctor", "clipsearch doctor --json > report.json")
@options.json_option
def doctor(form: options.Form | None) -> int:
    """Look at installation, home and collections; say what to do.

    Python, packages, decoders, extras, machine, home, built-in tower and
    collections. Exits 2 when something is broken.
    """
    from clipsearch.cli.health import examine

    findings = list(examine(clipsearch.default_home()))
    broken = [finding for finding in findings if not finding.ok]
    if form == "json":
        fields = [
            {
                "name": finding.name,
                "state": finding.state,
                "ok": finding.ok,
                "advice": None if finding.ok else finding.advice,
            }
            for finding in findings
        ]
        print_json("doctor", {"ok": not broken, "findings": fields})
    else:
        rows = (["ok" if each.ok else "BROKEN", each.name, quoted(each.state)] for each in findings)
        print_rows(["", "", ""], rows)
        for finding in broken:
            if finding.advice:
                click.echo(f"{finding.name}: {finding.advice}")
    return ERROR if broken else DONE

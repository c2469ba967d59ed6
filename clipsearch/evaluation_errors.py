"""What can go wrong while a tower is measured: the branch EvaluationError of `errors`."""

from __future__ import annotations

from clipsearch.errors import ClipsearchError


class EvaluationError(ClipsearchError):
    """A tower cannot be measured."""


class SourceUnreadable(EvaluationError):
    """A file of captions, or the pictures it names, cannot be opened at all."""

    def __init__(self, source: str, reason: str) -> None:
        self.source, self.reason = source, reason
        super().__init__(
            f"cannot read {source!r}: {reason}. Give a CSV, TSV or JSONL file of "
            "`filepath,title[,split]`, a folder of pictures with captions in .txt files beside "
            "them, or a webdataset tar."
        )


class NothingToMeasure(EvaluationError):
    """No picture that can be measured is left."""

    def __init__(self, source: str, reason: str) -> None:
        self.source, self.reason = source, reason
        super().__init__(f"there is nothing to measure in {source!r}: {reason}.")


class BadTemplates(EvaluationError):
    """A prompt template has no place for the name of a class."""

    def __init__(self, template: str) -> None:
        self.template = template
        super().__init__(
            f"the template {template!r} has no place for a name: write `{{}}` for the bare name "
            "or `{a}` for the name with its article, as in `a photo of {a}`."
        )

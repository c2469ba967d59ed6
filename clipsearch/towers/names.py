"""The many spellings of a model's name, and the one that we keep."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clipsearch.errors import TowerMissing
from clipsearch.towers.builtin import is_builtin
from clipsearch.towers.folder import is_tower_folder
from clipsearch.towers.known_names import FindKnown, Known, known_models

OPEN_CLIP_CONFIG = "open_clip_config.json"
CHECKPOINT_ENDINGS = (".safetensors", ".pt", ".pth", ".bin")

_PREFERRED = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
_OPENAI = re.compile(r"ViT-[BL][-/]\d+(?:@\d+px)?|RN\d+(?:x\d+)?", re.IGNORECASE)
_GOOGLE = re.compile(
    r"(?:google/)?(siglip2?)-(base|large|so400m|giant-opt)-patch(\d+)-(\d+)"
    r"(-i18n|-multilingual)?",
    re.IGNORECASE,
)
_WIDTHS = {"base": "B", "large": "L", "so400m": "SO400M", "giant-opt": "gopt"}


Kind = Literal["builtin", "open_clip", "hub", "open_clip_folder", "exported_folder", "checkpoint"]


@dataclass(frozen=True, slots=True)
class TowerName:
    """A model's name, understood; `str` gives the spelling that we keep.

    | kind | model | weights | spelling |
    |---|---|---|---|
    | builtin | builtin | | `builtin` |
    | open_clip | architecture | tag | `ViT-B-32/laion2b_s34b_b79k` |
    | hub | org/name | | `hf-hub:org/name` |
    | open_clip_folder | absolute path | | `local-dir:/path` |
    | exported_folder | absolute path | | `local-dir:/path` |
    | checkpoint | architecture | absolute path | `ViT-B-32@/path/epoch_5.pt` |
    """

    kind: Kind
    model: str
    weights: str = ""

    def __str__(self) -> str:
        if self.kind == "open_clip":
            return f"{self.model}/{self.weights}"
        if self.kind == "checkpoint":
            return f"{self.model}@{self.weights}"
        prefix = {"hub": "hf-hub:", "builtin": ""}.get(self.kind, "local-dir:")
        return prefix + self.model


def parse_tower_name(text: str, known: FindKnown = known_models) -> TowerName:
    """Understand a model's name in any spelling of the field; `known` gives open_clip's list.

    Raises TowerMissing, with the nearest names, for what nobody knows.
    """
    text = text.strip()
    if is_builtin(text):
        return TowerName("builtin", text.lower())
    if looks_like_path(text):
        return _folder(text)
    prefix, colon, rest = text.partition(":")
    if colon and not rest.startswith(":") and len(prefix) > 1:
        return _prefixed(prefix.lower().replace("_", "-"), rest, known)
    return _folder(text) if _described(Path(text)) else _plain(text, known)


def looks_like_path(text: str) -> bool:
    """Whether a name can only be a path: absolute, or beginning with `.` or `~`."""
    return text.startswith(("/", "./", "../", "~")) or text in (".", "..") or "\\" in text


def _prefixed(prefix: str, rest: str, known: FindKnown) -> TowerName:
    if prefix in ("open-clip", "openclip"):
        return _plain(rest, known)
    if prefix in ("openai-clip", "openai"):
        return _plain(f"{_architecture(rest)}/openai", known)
    if prefix in ("siglip", "siglip2"):
        return _plain(_siglip(rest), known)
    if prefix == "hf-hub":
        if not re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", rest):
            raise TowerMissing(f"hf-hub:{rest}", "a name on the hub is written ORG/NAME")
        return TowerName("hub", rest)
    if prefix in ("local-dir", "dir"):
        return _folder(rest)
    raise TowerMissing(f"{prefix}:{rest}", f"no kind of model is called {prefix!r}")


def _plain(text: str, known: FindKnown) -> TowerName:
    """An architecture of open_clip with its weights, however the two are joined."""
    if "@" in text and text.lower().endswith(CHECKPOINT_ENDINGS):
        return _checkpoint(text, known)
    if _OPENAI.fullmatch(text) and "/" in text:
        text = f"{_architecture(text)}/openai"
    if found := _GOOGLE.fullmatch(text):
        text = _siglip(found.group())
    for joint in ("::", "__", "/", ":"):
        model, found_joint, tag = text.rpartition(joint)
        if found_joint:
            return _known_pair(_architecture(model), tag.lower().replace("-", "_"), known)
    return _known_pair(_architecture(text), "", known)


def _known_pair(model: str, tag: str, known: FindKnown) -> TowerName:
    """Check architecture and tag against what open_clip knows, whatever their case."""
    models = known()
    if not models:  # open_clip is not here: an export of it may be
        if not tag:
            raise TowerMissing(model, "name its weights too, as in ViT-B-32/laion2b_s34b_b79k")
        return TowerName("open_clip", model, tag)
    plain = model.lower().removesuffix("-quickgelu")  # its tags say whether they need QuickGELU
    exact = {name.lower(): name for name in models}.get(plain)
    if exact is None:
        raise TowerMissing(f"{model}/{tag}".rstrip("/"), _nearest(model, tag, models))
    if not tag and len(models[exact]) == 1:
        tag = models[exact][0]
    if tag not in models[exact]:
        raise TowerMissing(f"{exact}/{tag}".rstrip("/"), _its_weights(exact, tag, models[exact]))
    return TowerName("open_clip", exact, tag)


def _its_weights(model: str, tag: str, tags: tuple[str, ...]) -> str:
    if not tags:
        return f"no weights of {model} are published; name a file, {model}@FILE"
    near = difflib.get_close_matches(tag, tags, n=3, cutoff=0.3) or tags[:3]
    named = ", ".join(f"{model}/{each}" for each in near)
    return f"of the {len(tags)} weights of {model} the nearest are {named}"


def _nearest(model: str, tag: str, models: Known) -> str:
    pairs = {f"{name}/{each}".lower(): f"{name}/{each}" for name in models for each in models[name]}
    wanted = f"{model}/{tag}".lower()
    near = difflib.get_close_matches(wanted, list(pairs), n=3, cutoff=0.5)
    if not near:
        return "open_clip has no model of a similar name"
    return "the nearest names are " + ", ".join(pairs[each] for each in near)


def _architecture(text: str) -> str:
    """`ViT-L/14@336px` as open_clip writes it: `ViT-L-14-336`."""
    return re.sub(r"@(\d+)px$", r"-\1", text).replace("/", "-")


def _siglip(text: str) -> str:
    """open_clip's name of one of Google's SigLIP models; other names stay."""
    found = _GOOGLE.fullmatch(text)
    if not found:
        return text
    family, width, patch, side, languages = found.groups()
    name = f"ViT-{_WIDTHS[width.lower()]}-{patch}-{family.replace('siglip', 'SigLIP')}"
    name += "-i18n" if languages else ""
    return name if side == "224" else f"{name}-{side}"


def _described(path: Path) -> bool:
    return is_tower_folder(path) or (path / OPEN_CLIP_CONFIG).is_file()


def _folder(text: str) -> TowerName:
    path = Path(text).expanduser().resolve()
    if is_tower_folder(path):
        return TowerName("exported_folder", str(path))
    if (path / OPEN_CLIP_CONFIG).is_file():
        return TowerName("open_clip_folder", str(path))
    if path.is_file():
        detail = f"a checkpoint needs its architecture: write ViT-B-32@{path}"
    elif path.is_dir():
        detail = f"the folder has neither tower.json nor {OPEN_CLIP_CONFIG}"
    else:
        detail = "there is no such folder"
    raise TowerMissing(text, detail)


def _checkpoint(text: str, known: FindKnown) -> TowerName:
    model, _, weights = text.partition("@")
    path = Path(weights).expanduser().resolve()
    models = known()
    exact = {name.lower(): name for name in models}.get(_architecture(model).lower())
    if exact is None and models:
        raise TowerMissing(text, _nearest(_architecture(model), "", models))
    if not path.is_file():
        raise TowerMissing(text, f"there is no file {path}")
    return TowerName("checkpoint", exact or _architecture(model), str(path))


def find_weights(folder: Path) -> Path:
    """The checkpoint of an open_clip folder, safetensors first. Raises TowerMissing."""
    found = sorted(path for path in folder.iterdir() if path.suffix in CHECKPOINT_ENDINGS)
    if not found:
        raise TowerMissing(f"local-dir:{folder}", "the folder holds no weights")
    order = {name: rank for rank, name in enumerate(_PREFERRED)}
    return min(
        found,
        key=lambda path: (path.suffix != ".safetensors", order.get(path.name, 9), path.name),
    )

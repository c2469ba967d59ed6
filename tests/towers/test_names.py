"""Model names in every spelling of the field."""

from __future__ import annotations

from pathlib import Path

import pytest
from towers.tiny_folder import write_tiny_folder

from clipsearch.errors import TowerMissing
from clipsearch.towers.known_names import known_models
from clipsearch.towers.names import parse_tower_name
from clipsearch.towers.registry import RECOMMENDED

KNOWN = {
    "RN50": ("openai", "cc12m"),
    "ViT-B-32": ("openai", "laion2b_e16", "laion2b_s34b_b79k"),
    "ViT-B-32-256": ("datacomp_s34b_b86k",),
    "ViT-L-14": ("openai", "dfn2b", "dfn2b_s39b"),
    "ViT-L-14-336": ("openai",),
    "ViT-B-16-SigLIP": ("webli",),
    "ViT-SO400M-14-SigLIP-384": ("webli",),
    "ViT-B-16-SigLIP-i18n-256": ("webli",),
    "xlm-roberta-base-ViT-B-32": ("laion5b_s13b_b90k",),
}


@pytest.mark.parametrize(
    ("spelling", "kept"),
    [
        ("builtin", "builtin"),
        ("builtin-1", "builtin-1"),
        ("ViT-B-32-256/datacomp_s34b_b86k", "ViT-B-32-256/datacomp_s34b_b86k"),
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", "ViT-B-32/laion2b_s34b_b79k"),
        ("open-clip:ViT-L-14/dfn2b_s39b", "ViT-L-14/dfn2b_s39b"),
        ("openai-clip:ViT-B/32", "ViT-B-32/openai"),
        ("openai-clip:ViT-L/14@336px", "ViT-L-14-336/openai"),
        ("openai:RN50", "RN50/openai"),
        ("ViT-B/32", "ViT-B-32/openai"),
        ("ViT-B-32__laion2b-s34b-b79k", "ViT-B-32/laion2b_s34b_b79k"),
        ("ViT-L-14-quickgelu__dfn2b", "ViT-L-14/dfn2b"),
        ("ViT-B-32::laion2b_e16", "ViT-B-32/laion2b_e16"),
        ("vit-b-32/LAION2B-E16", "ViT-B-32/laion2b_e16"),
        ("ViT-B-32-256", "ViT-B-32-256/datacomp_s34b_b86k"),
        ("siglip:google/siglip-base-patch16-224", "ViT-B-16-SigLIP/webli"),
        ("siglip:google/siglip-so400m-patch14-384", "ViT-SO400M-14-SigLIP-384/webli"),
        ("siglip:siglip-base-patch16-256-i18n", "ViT-B-16-SigLIP-i18n-256/webli"),
        ("siglip:ViT-B-16-SigLIP/webli", "ViT-B-16-SigLIP/webli"),
        ("hf-hub:laion/CLIP-ViT-B-32", "hf-hub:laion/CLIP-ViT-B-32"),
        (" ViT-B-32/openai ", "ViT-B-32/openai"),
    ],
)
def test_every_spelling_leads_to_the_one_that_we_keep(spelling: str, kept: str) -> None:
    assert str(parse_tower_name(spelling, lambda: KNOWN)) == kept


@pytest.mark.parametrize("kept", ["ViT-B-32/openai", "hf-hub:laion/CLIP-ViT-B-32", "builtin"])
def test_the_spelling_that_we_keep_leads_to_itself(kept: str) -> None:
    assert str(parse_tower_name(kept, lambda: KNOWN)) == kept
    assert str(parse_tower_name(kept, lambda: {})) == kept


def test_a_near_miss_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(TowerMissing, match="ViT-B-32/laion2b_e16"):
        parse_tower_name("ViT-B-33/laion2b_e16", lambda: KNOWN)
    with pytest.raises(TowerMissing, match="nearest are ViT-B-32/laion2b_s34b_b79k"):
        parse_tower_name("ViT-B-32/laion2b_s34b", lambda: KNOWN)


@pytest.mark.parametrize("name", ["ViT-B-32", "nonsense", "foo:bar", "hf-hub:x", "/no/where", ""])
def test_what_nobody_knows_is_missing(name: str) -> None:
    with pytest.raises(TowerMissing):
        parse_tower_name(name, lambda: KNOWN)


def test_a_folder_is_known_by_its_description(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "mine")
    for spelling in (str(folder), f"local-dir:{folder}"):
        name = parse_tower_name(spelling, lambda: KNOWN)
        assert (name.kind, str(name)) == ("exported_folder", f"local-dir:{folder}")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "open_clip_config.json").write_text("{}")
    assert parse_tower_name(str(tmp_path / "theirs")).kind == "open_clip_folder"
    with pytest.raises(TowerMissing, match="neither"):
        parse_tower_name(str(tmp_path))


def test_a_relative_folder_is_kept_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_tiny_folder(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    for spelling in ("mine", "./mine", "local-dir:mine"):
        assert str(parse_tower_name(spelling, lambda: KNOWN)) == f"local-dir:{folder}"


def test_a_checkpoint_is_named_with_its_architecture(tmp_path: Path) -> None:
    file = tmp_path / "epoch_5.pt"
    file.write_bytes(b"")
    name = parse_tower_name(f"vit-b-32@{file}", lambda: KNOWN)
    assert (name.kind, str(name)) == ("checkpoint", f"ViT-B-32@{file}")
    with pytest.raises(TowerMissing, match="its architecture"):
        parse_tower_name(str(file), lambda: KNOWN)
    with pytest.raises(TowerMissing, match="no file"):
        parse_tower_name("ViT-B-32@nowhere.pt", lambda: KNOWN)


def test_the_installed_open_clip_knows_what_we_recommend() -> None:
    known = known_models()
    assert "openai" in known["ViT-B-32"]
    for name in RECOMMENDED:
        assert str(parse_tower_name(name)) == name


def test_the_list_read_from_open_clips_source_is_its_own() -> None:
    import open_clip

    listed = {
        (model, tag)
        for model, tag in open_clip.list_pretrained()
        if not model.endswith("-quickgelu")
    }
    ours = {(model, tag) for model, tags in known_models().items() for tag in tags}
    assert ours == listed

"""Models of the hub: fetched by the real client, kept, and had again without the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from towers.conftest import Fresh
from towers.hub_stand_in import hub_stand_in
from towers.tiny_models import (
    BERT_CONFIG,
    PIECES,
    write_clip_folder,
    write_hf_text_folder,
)

from clipsearch.towers import load_towers

pytestmark = [pytest.mark.network_stand_in, pytest.mark.slow]

EMBED = """
import json
from pathlib import Path
from clipsearch.errors import TowerMissing
from clipsearch.towers import load_towers
pair = load_towers(NAME, Path(HOME))
rows = pair.embed_texts(["a dog", "two cats"]).tolist()
try:
    load_towers("hf-hub:tiny/nothing", Path(HOME))
except TowerMissing as error:
    print(json.dumps([pair.identity.name, rows, str(error)]))
"""

PUBLISHED = """
import json
from pathlib import Path
import open_clip
open_clip.add_model_config(Path(CONFIG))
from open_clip import pretrained
pretrained._PRETRAINED["tiny"] = {"mine": pretrained._slpcfg(hf_hub="tiny/clip/", quick_gelu=True)}
from clipsearch.towers.names import TowerName
from clipsearch.towers.open_clip_towers import load_open_clip
from clipsearch.towers import TowerOptions
pair = load_open_clip(TowerName("open_clip", "tiny", "mine"), Path(HOME), TowerOptions())
print(json.dumps([pair.identity.name, pair.preprocessing.mode, pair.preprocessing.mean,
                  pair.embed_texts(["a dog", "two cats"]).tolist()]))
"""


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models as they lie on the hub."""
    root = tmp_path_factory.mktemp("hub")
    write_clip_folder(root / "tiny" / "clip")
    folder = write_hf_text_folder(root / "tiny" / "bert")
    described = json.loads((folder / "open_clip_config.json").read_text())
    described["model_cfg"]["text_cfg"] |= {
        "hf_model_name": "tiny/bert",
        "hf_tokenizer_name": "tiny/bert",
    }
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    config = BERT_CONFIG | {"vocab_size": len(PIECES)}
    (folder / "config.json").write_text(json.dumps(config))
    return root


@pytest.fixture
def endpoint(repositories: Path) -> Iterator[str]:
    """The address of the stand-in."""
    with hub_stand_in(repositories) as address:
        yield address


def fetch(fresh: Fresh, model: str, home: Path, **variables: str) -> list[Any]:
    """Its name and text embeddings in a fresh process, and what is said of a missing model."""
    source = EMBED.replace("NAME", repr(model)).replace("HOME", repr(str(home)))
    found: list[Any] = json.loads(fresh(source, **variables))
    return found


def test_a_model_is_fetched_and_had_again_offline(
    repositories: Path, fresh: Fresh, tmp_path: Path
) -> None:
    hub_cache = str(tmp_path / "hf")
    with hub_stand_in(repositories) as endpoint:
        name, rows, missing = fetch(
            fresh, "hf-hub:tiny/clip", tmp_path / "a", HF_ENDPOINT=endpoint, HF_HOME=hub_cache
        )
    assert name == "hf-hub:tiny/clip"
    assert "cannot be fetched" in missing
    _, again, missing = fetch(
        fresh, "hf-hub:tiny/clip", tmp_path / "b", HF_HUB_OFFLINE="1", HF_HOME=hub_cache
    )
    assert "cannot be fetched" in missing
    local = load_towers(str(repositories / "tiny" / "clip"), tmp_path / "c")
    for found in (again, local.embed_texts(["a dog", "two cats"])):
        np.testing.assert_allclose(found, rows, atol=1e-6)


def test_a_text_tower_of_transformers_is_fetched_and_kept(
    endpoint: str, fresh: Fresh, tmp_path: Path
) -> None:
    model, home = "hf-hub:tiny/bert", tmp_path / "home"
    name, rows, _ = fetch(fresh, model, home, HF_ENDPOINT=endpoint, HF_HOME=str(tmp_path / "hf"))
    assert name == model
    kept = load_towers(model, home)  # this process knows no hub: it is our export
    np.testing.assert_allclose(kept.embed_texts(["a dog", "two cats"]), rows, atol=1e-6)


def test_published_weights_bring_their_own_preprocessing_and_activation(
    endpoint: str, repositories: Path, fresh: Fresh, tmp_path: Path
) -> None:
    described = json.loads((repositories / "tiny/clip/open_clip_config.json").read_text())
    (tmp_path / "tiny.json").write_text(json.dumps(described["model_cfg"]))
    source = PUBLISHED.replace("HOME", repr(str(tmp_path / "home"))).replace(
        "CONFIG", repr(str(tmp_path / "tiny.json"))
    )
    name, mode, mean, rows = json.loads(
        fresh(source, HF_ENDPOINT=endpoint, HF_HOME=str(tmp_path / "hf"))
    )
    assert (name, mode, mean) == ("tiny/mine", "squash", [0.5, 0.5, 0.5])
    with_gelu = load_towers(str(repositories / "tiny" / "clip"), tmp_path)
    difference = np.abs(with_gelu.embed_texts(["a dog", "two cats"]) - rows).max()
    assert 1e-6 < difference < 0.2  # the same weights under QuickGELU

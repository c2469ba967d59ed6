"""Models of the hub: fetched by the real client, kept, and had again without the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clipsearch.towers import load_towers
from tests.towers.conftest import Fresh
from tests.towers.hub_stand_in import hub_stand_in
from tests.towers.tiny_models import (
    BERT_CONFIG,
    PIECES,
    write_clip_folder,
    write_hf_text_folder,
)

pytestmark = [pytest.mark.network_stand_in, pytest.mark.slow]

EMBED = """
import json, sys
from pathlib import Path
from clipsearch.towers import load_towers
pair = load_towers(sys.argv[1] if len(sys.argv) > 1 else NAME, Path(HOME))
print(json.dumps([str(pair.identity.name), pair.embed_texts(["a dog", "two cats"]).tolist()]))
"""

FAIL = """
from pathlib import Path
from clipsearch.errors import TowerMissing
from clipsearch.towers import load_towers
try:
    load_towers(NAME, Path(HOME))
except TowerMissing as error:
    print(error)
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


@pytest.mark.parametrize("name", ["clip", "bert"])
def test_a_model_is_fetched_kept_and_had_again_offline(
    name: str, repositories: Path, fresh: Fresh, tmp_path: Path
) -> None:
    cache = {"HF_HOME": str(tmp_path / "hf")}
    source = EMBED.replace("NAME", repr(f"hf-hub:tiny/{name}"))
    here, there = (source.replace("HOME", repr(str(tmp_path / home))) for home in ("a", "b"))
    with hub_stand_in(repositories) as endpoint:
        kept_name, rows = json.loads(fresh(here, HF_ENDPOINT=endpoint, **cache))
    assert kept_name == f"hf-hub:tiny/{name}"
    offline = {"HF_HUB_OFFLINE": "1"}
    assert json.loads(fresh(here, **offline)) == [kept_name, rows]  # from our export alone
    _, again = json.loads(fresh(there, **offline, **cache))  # from the client's own cache
    np.testing.assert_allclose(again, rows, atol=1e-6)
    local = (
        load_towers(str(repositories / "tiny" / name), tmp_path / "c") if name == "clip" else None
    )
    if local is not None:
        np.testing.assert_allclose(local.embed_texts(["a dog", "two cats"]), rows, atol=1e-6)


def test_what_is_not_on_the_hub_or_not_reachable_is_missing(
    endpoint: str, fresh: Fresh, tmp_path: Path
) -> None:
    cache = {"HF_HOME": str(tmp_path / "hf")}
    source = FAIL.replace("HOME", repr(str(tmp_path))).replace("NAME", "'hf-hub:tiny/nothing'")
    assert "cannot be fetched" in fresh(source, HF_ENDPOINT=endpoint, **cache)
    assert "cannot be fetched" in fresh(source, HF_HUB_OFFLINE="1", **cache)


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

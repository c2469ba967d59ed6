"""Learns where sentences lie in the built-in tower's space: the centres that ship with it.

    python -m clipsearch.training.sentence_centres --sentences captions.csv.gz

The table has a column `caption`. Some of its sentences are embedded and clustered (spherical
k-means of FAISS); `clipsearch.calibration.hubness` says what for. To be run anew for every
tower: the file bears the tower's digest in its name.
"""

import argparse
import tempfile
from pathlib import Path

import faiss
import numpy as np

from clipsearch.calibration.hubness import centres_file
from clipsearch.towers import load_towers
from clipsearch.training.captioner.material import read_sentences
from clipsearch.training.durable_files import written_durably
from clipsearch.values import Embeddings

CENTRES, DRAWN, ROUNDS = 512, 24_000, 20


def main() -> None:
    """Embed, cluster and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sentences", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sentences = read_sentences(given.sentences)
    drawn = np.random.default_rng(given.seed).permutation(len(sentences))[:DRAWN]
    with tempfile.TemporaryDirectory() as home:
        tower = load_towers("builtin", Path(home))
        embeddings = tower.embed_texts([sentences[place] for place in drawn])
    target = centres_file(tower.identity.digest)
    with written_durably(target) as unfinished, unfinished.open("wb") as file:
        np.save(file, centres_of(embeddings, CENTRES, given.seed).astype(np.float16))
    for earlier in set(target.parent.glob("centres-*.npy")) - {target}:
        earlier.unlink()
    print(f"wrote {target}")


def centres_of(embeddings: Embeddings, count: int, seed: int) -> Embeddings:
    """Unit-length centres [count, dim] of embeddings [n, dim]; the same for the same seed."""
    means = faiss.Kmeans(embeddings.shape[1], count, niter=ROUNDS, spherical=True, seed=seed)
    means.train(embeddings)
    found = np.asarray(means.centroids, np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


if __name__ == "__main__":
    main()

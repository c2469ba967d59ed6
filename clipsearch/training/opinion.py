"""What a teacher holds of pictures and captions: targets softer than right and wrong.

A caption of one picture often fits another nearly as well, and the captions' loss calls that
wrong. A teacher that sees more says how well each fits (Hinton et al. 2015), and says so of the
very view that is shown (Beyer et al. 2022).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class Opinion:
    """A teacher's embeddings of all pictures in each view [views, n, d] and of all captions
    [m, d], unit rows, and its factor on cosines."""

    pictures: Tensor
    captions: Tensor
    scale: float

    def loss(self, scores: Tensor, views: Tensor, pictures: Tensor, captions: Tensor) -> Tensor:
        """Give the cross entropy of logits [r, c] against the teacher's, both ways round.

        `views` [r] and `pictures` [r] are the places of the rows, `captions` [c] of the columns.
        """
        with torch.no_grad():
            held = self.scale * self.pictures[views, pictures] @ self.captions[captions].T
        to_texts = cross_entropy(scores, held.softmax(1))
        return (to_texts + cross_entropy(scores.T, held.T.softmax(1))) / 2

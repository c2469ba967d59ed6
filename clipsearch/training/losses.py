"""What training makes small."""

import torch
from open_clip.loss import ClipLoss, SigLipLoss
from torch import Tensor
from torch.nn.functional import cross_entropy

HOTTEST = 100.0


def scale_of(log_scale: Tensor) -> Tensor:
    """Give the factor on cosines, at most 100, as CLIP bounds it (Radford et al. 2021)."""
    return log_scale.exp().clamp(max=HOTTEST)


def contrastive_loss(images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    """Give the symmetric InfoNCE of b pairs of unit-length rows [b, d]; all others are wrong."""
    scores = scale_of(log_scale) * images @ texts.T
    right = torch.arange(len(images))
    return (cross_entropy(scores, right) + cross_entropy(scores.T, right)) / 2


def captions_loss(scores: Tensor, owner: Tensor) -> Tensor:
    """Give the symmetric InfoNCE of logits [n, m] of n pictures and m captions, each of which is
    `owner`'s [m]: every caption of a picture is right, and all others are wrong."""
    to_image = cross_entropy(scores.T, owner)
    to_texts = -scores.log_softmax(1)[owner, torch.arange(len(owner))].mean()
    return (to_image + to_texts) / 2


def clip_loss(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Give open_clip's cross-entropy of b pairs of unit-length rows [b, d] (Radford et al. 2021).

    `scale` is the factor on cosines itself, not its logarithm.
    """
    found: Tensor = ClipLoss()(images, texts, scale)
    return found


def siglip_loss(images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Give open_clip's sigmoid loss of b pairs of unit-length rows [b, d] (Zhai et al. 2023)."""
    found: Tensor = SigLipLoss()(images, texts, scale, bias)
    return found


@torch.no_grad()
def balanced_bias(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Give the bias at which as many pairs are expected to be right as are: where SigLIP starts.

    A tower trained with cross-entropy has a scale that would make nearly every pair of a batch
    look right at SigLIP's own -10, and the first steps would only undo that. The expected count
    grows with the bias, so it is found by halving an interval.
    """
    scores = scale * images @ texts.T
    low, high = -scores.max() - 20.0, -scores.min() + 20.0
    for _ in range(60):
        middle = (low + high) / 2
        too_many = torch.sigmoid(scores + middle).sum() > len(scores)
        low, high = (low, middle) if too_many else (middle, high)
    return (low + high) / 2


def hinge_loss(images: Tensor, texts: Tensor, margin: float, *, hardest: bool) -> Tensor:
    """Give the max-margin loss of b pairs of unit-length rows [b, d], the mean over the pairs.

    Each pair wants its cosine `margin` above those of its picture with other texts and of its
    text with other pictures: summed over all of them (VSE0), or only over the `hardest` of
    each kind (VSE++; Faghri et al. 2018).
    """
    scores = images @ texts.T
    right = scores.diagonal()
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    texts_cost = (margin + scores - right[:, None]).clamp(min=0).masked_fill(own, 0.0)
    images_cost = (margin + scores - right[None, :]).clamp(min=0).masked_fill(own, 0.0)
    if hardest:
        return texts_cost.amax(1).mean() + images_cost.amax(0).mean()
    return (texts_cost.sum() + images_cost.sum()) / len(scores)

"""The heads, and their place in the open_clip model."""

import pytest
import torch
from open_clip import CustomTextCLIP
from torch.nn.functional import gelu, normalize

from clipsearch.training.heads import Dropout, Heads, pour_heads
from clipsearch.training.model import build_model


@pytest.fixture(scope="module")
def model() -> CustomTextCLIP:
    torch.manual_seed(0)
    return build_model("mobilenetv2_100")


@pytest.mark.slow
def test_poured_heads_embed_as_before(model: CustomTextCLIP) -> None:
    heads = Heads(Dropout()).eval()
    tokens = torch.tensor([[101, 2003, 2004, 102, 0], [101, 2010, 102, 0, 0]])
    pixels = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        states = model.text.transformer(tokens, attention_mask=(tokens != 0).long())
        pooled_texts = model.text.pooler(states, (tokens != 0).long())
        pooled_images = model.visual.trunk(pixels)
        heads.standardise(pooled_images + torch.randn(9, 2, 1280).flatten(0, 1)[:2], pooled_texts)
        detectors = torch.randn(1000, 1280, generator=torch.Generator().manual_seed(1))
        heads.detect_classes(detectors, torch.zeros(1000), pooled_images)
        wanted_images = heads.embed_images(pooled_images)
        wanted_texts = heads.embed_texts(pooled_texts)
    pour_heads(heads, model)
    with torch.inference_mode():
        images, texts = model.encode_image(pixels), model.encode_text(tokens)
    assert torch.allclose(normalize(images, dim=-1), wanted_images, atol=1e-4)
    assert torch.allclose(normalize(texts, dim=-1), wanted_texts, atol=1e-4)
    assert model.logit_scale.item() == pytest.approx(heads.log_scale.item())


def test_embeddings_have_unit_length() -> None:
    heads = Heads(Dropout()).eval()
    images = heads.embed_images(torch.randn(3, 1280))
    texts = heads.embed_texts(torch.randn(5, 384))
    assert torch.allclose(images.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(texts.norm(dim=1), torch.ones(5), atol=1e-5)


def test_a_detector_is_silent_but_for_the_pictures_of_its_class() -> None:
    heads = Heads(Dropout()).eval()
    classifier = torch.zeros(1000, 1280)
    classifier[torch.arange(1000), torch.arange(1000)] = 50.0
    pictures = torch.eye(1280)[:1000]
    heads.detect_classes(classifier, torch.zeros(1000), pictures)
    logits = pictures @ heads.detector_weight.T + heads.detector_bias
    assert bool((logits.diagonal() > 10).all())
    assert float((logits > 1).float().mean()) == pytest.approx(0.001)


def test_a_silenced_detector_sees_nothing_and_the_others_go_on() -> None:
    heads = Heads(Dropout()).eval()
    classifier = torch.zeros(1000, 1280)
    classifier[torch.arange(1000), torch.arange(1000)] = 50.0
    pictures = torch.eye(1280)[:1000]
    heads.detect_classes(classifier, torch.zeros(1000), pictures)
    heads.silence(torch.tensor([7]))
    detected = gelu(pictures @ heads.detector_weight.T + heads.detector_bias)
    assert float(detected[:, 7].abs().max()) < 1e-6
    assert float(detected[8, 8]) > 10

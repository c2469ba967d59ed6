"""The two towers as ONNX files whose initialisers carry the names of the torch parameters.

The names are the promise that `unpack` lives on: from the ONNX files alone the open_clip model
can be built again, so that the weights ship once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn.functional import normalize

from clipsearch.training.durable_files import written_durably
from clipsearch.training.model import SIDE, use_plain_attention
from clipsearch.training.onnx_padding import move_padding_into_convolutions
from clipsearch.training.padding import with_plain_padding

TRANSPOSED = ".transposed"
STORED_AS_HALF = ("visual.head.mlp.fc1.weight", "visual.head.mlp.fc2.weight")
OPSET = 18


class ImageTower(nn.Module):
    """Normalised pixels [n, 3, side, side] to unit-length embeddings [n, d]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.visual = model.get_submodule("visual")

    def forward(self, pixels: Tensor) -> Tensor:
        """Embed the images."""
        return normalize(self.visual(pixels), dim=-1)


class TextTower(nn.Module):
    """Token ids and attention mask [n, t] to unit-length embeddings [n, d]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.text = model.get_submodule("text")

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embed the texts: what open_clip does, with the mask given and not guessed."""
        outputs = self.text.get_submodule("transformer")(
            input_ids=input_ids, attention_mask=attention_mask
        )
        pooled = self.text.get_submodule("pooler")(outputs, attention_mask)
        return normalize(self.text.get_submodule("proj")(pooled), dim=-1)


def export_image_tower(model: nn.Module, target: Path) -> None:
    """Write the image tower as ONNX: `pixels` to `embedding`, any number of images, float32.

    The head's matrices stand in the file as float16; `keep_as_half` makes the model agree.
    """
    keep_as_half(model)
    tower = with_plain_padding(ImageTower(model).eval())
    with written_durably(target) as unfinished:
        torch.onnx.export(
            tower,
            (torch.randn(2, 3, SIDE, SIDE),),
            str(unfinished),
            input_names=["pixels"],
            output_names=["embedding"],
            dynamic_axes={"pixels": {0: "n"}, "embedding": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
        tidy(unfinished, folded_parameters(tower))
        _store_as_half(unfinished)


@torch.no_grad()
def keep_as_half(model: nn.Module) -> None:
    """Round the matrices of the image's head to what float16 holds: half their place on disk."""
    for name in STORED_AS_HALF:
        each = model.get_parameter(name)
        each.copy_(each.half().float())


def _store_as_half(path: Path) -> None:
    """Store the head's matrices as float16; a Cast before their use gives them back."""
    model = onnx.load(path)
    graph = model.graph
    for name in STORED_AS_HALF:
        stored = next(each for each in graph.initializer if each.name.startswith(name))
        half = numpy_helper.to_array(stored).astype(np.float16)
        for node in graph.node:
            node.input[:] = [
                f"{each}.float" if each == stored.name else each for each in node.input
            ]
        cast = onnx.helper.make_node(
            "Cast", [stored.name], [f"{stored.name}.float"], to=onnx.TensorProto.FLOAT
        )
        graph.node.insert(0, cast)
        stored.CopyFrom(numpy_helper.from_array(half, stored.name))
    onnx.save(model, path)


def export_text_tower(model: nn.Module, target: Path) -> None:
    """Write the text tower as float32 ONNX: `input_ids`, `attention_mask` to `embedding`."""
    use_plain_attention()
    tower = TextTower(model).eval()
    tokens = torch.tensor([[101, 2000, 2001, 102], [101, 2002, 102, 0]])
    rows_of_tokens = {0: "n", 1: "t"}
    with written_durably(target) as unfinished:
        torch.onnx.export(
            tower,
            (tokens, (tokens != 0).long()),
            str(unfinished),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={
                "input_ids": rows_of_tokens,
                "attention_mask": rows_of_tokens,
                "embedding": {0: "n"},
            },
            opset_version=OPSET,
            dynamo=False,
        )
        tidy(unfinished, folded_parameters(tower))


def quantise_text_tower(exact: Path, target: Path) -> None:
    """Store the matrices of MiniLM as int8, a scale a column; activations as they come.

    The projection stays float32: it is small, and its rounding would be the last word.
    Seven bits are used of the eight: without VNNI, products of eight bits overflow 16-bit sums
    and embeddings would depend on the processor.
    """
    with written_durably(target) as unfinished:
        quantize_dynamic(
            exact,
            unfinished,
            op_types_to_quantize=["MatMul", "Gather"],
            nodes_to_exclude=_projections(exact),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )


def _projections(path: Path) -> list[str]:
    """Name the nodes that multiply by the text projection."""
    nodes = onnx.load(path, load_external_data=False).graph.node
    return [node.name for node in nodes if any(".proj" in each for each in node.input)]


def folded_parameters(tower: nn.Module) -> dict[str, NDArray[np.float32]]:
    """Give every parameter by name as it stands in the ONNX file.

    Batch normalisation is the identity here but for its bias, so the exporter's folding leaves
    the convolution's weight as it is and makes the norm's bias the convolution's.
    """
    return {name: each.detach().numpy() for name, each in tower.named_parameters()}


def tidy(path: Path, parameters: Mapping[str, NDArray[np.float32]]) -> None:
    """Move padding into the convolutions, and name each initialiser after its parameter.

    An initialiser is a parameter's when it holds its values, transposed or not.
    """
    model = onnx.load(path)
    move_padding_into_convolutions(model)
    names: dict[str, str] = {}
    free = dict(parameters)
    for each in model.graph.initializer:
        found = _matching_name(numpy_helper.to_array(each), each.name, free)
        if found is not None:
            names[each.name] = found
            free.pop(found.removesuffix(TRANSPOSED))
    _rename(model, names)
    onnx.save(model, path)


def _matching_name(
    values: NDArray[Any], name: str, free: Mapping[str, NDArray[np.float32]]
) -> str | None:
    """Give the name of the parameter with these values; the one of the same name first."""
    if values.dtype != np.float32 or values.size == 1:
        return None
    candidates = [name] if name in free else list(free)
    for each in candidates:
        wanted = free[each]
        if wanted.shape == values.shape and _nearly_equal(wanted, values):
            return each
        if wanted.ndim == 2 and wanted.T.shape == values.shape and np.array_equal(wanted.T, values):
            return each + TRANSPOSED
    return None


def _nearly_equal(wanted: NDArray[np.float32], values: NDArray[np.float32]) -> bool:
    """Tell whether two arrays differ by rounding only: folding multiplies by nearly one."""
    return bool(np.abs(wanted - values).max() <= 1e-5 * np.abs(wanted).max())


def _rename(model: onnx.ModelProto, names: Mapping[str, str]) -> None:
    """Use new names for initialisers, in their definition and wherever a node reads them."""
    for each in model.graph.initializer:
        each.name = names.get(each.name, each.name)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)


def initialisers(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Give name and values of every initialiser."""
    for each in onnx.load(path, load_external_data=False).graph.initializer:
        yield each.name, numpy_helper.to_array(each)

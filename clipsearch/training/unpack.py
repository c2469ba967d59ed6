"""The shipped ONNX files turned back into an ordinary open_clip folder.

The package ships its weights once, as ONNX. Whoever wants to fine-tune or to compare has them
as the folder that open_clip reads with `local-dir:` from any working directory:

    open_clip_config.json         model_cfg, preprocess_cfg
    open_clip_model.safetensors   the weights, int8 matrices of the text tower as float32
    tokenizer.json, tokenizer_config.json
    image/config.json             the trunk for timm
    text/config.json              the BERT for transformers

timm and transformers know the last two by absolute paths only; a moved folder is loaded with
`load_open_clip_folder`, which fills the paths in anew.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer
from torch import Tensor, nn

from clipsearch.training.durable_files import written_durably
from clipsearch.training.export import TRANSPOSED, initialisers
from clipsearch.training.model import build_from, fill_in_folders, write_config
from clipsearch.training.ship import DESCRIPTION_FILE, IMAGE_FILE, TEXT_FILE, VOCABULARY_FILE

WEIGHTS_FILE = "open_clip_model.safetensors"
CONFIG_FILE = "open_clip_config.json"


def write_open_clip_folder(weights_dir: Path, out: Path) -> None:
    """Rebuild the open_clip folder `out` from the shipped files.

    The loaded model gives the embeddings of `image.onnx` to 1e-4. The text tower's stored
    weights are those of `text.onnx`, but torch does not round its activations to int8, so the
    text embeddings agree with `text.onnx` to a cosine of 0.98 to 0.99.
    """
    description = json.loads((weights_dir / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    shipped = description["open_clip"]
    out.mkdir(parents=True, exist_ok=True)
    write_config(out / "image", shipped["image_config"])
    write_config(out / "text", shipped["text_config"])
    _write_tokenizer(weights_dir / VOCABULARY_FILE, out, description["text"]["max_tokens"])
    _write_open_clip_config(out, shipped["model_cfg"], _preprocess(description))
    model = build_from(shipped["model_cfg"], out)
    state = state_from_onnx(weights_dir, model)
    state["logit_scale"] = torch.tensor(float(np.log(description["logit_scale"])))
    with written_durably(out / WEIGHTS_FILE) as unfinished:
        save_file(state, unfinished)


def load_open_clip_folder(path: Path) -> nn.Module:
    """Load such a folder, moved or not, through open_clip's own `local-dir:` route.

    Gives the CustomTextCLIP in eval mode. Works from any working directory.
    """
    config = json.loads((path / CONFIG_FILE).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        for each in path.resolve().iterdir():
            if each.name != CONFIG_FILE:
                (Path(folder) / each.name).symlink_to(each)
        _write_open_clip_config(Path(folder), config["model_cfg"], config["preprocess_cfg"])
        model: nn.Module = open_clip.create_model(f"local-dir:{folder}", load_weights=True)
    return model.eval()


def state_from_onnx(weights_dir: Path, model: nn.Module) -> dict[str, Tensor]:
    """Give a whole state dict for the model from the two ONNX files.

    Raises KeyError with the names when the files lack a parameter of the model.
    """
    files = (weights_dir / IMAGE_FILE, weights_dir / TEXT_FILE)
    stored = {name: values for each in files for name, values in stored_parameters(each).items()}
    state = dict(model.state_dict())
    for name, values in stored.items():
        if name in state:
            shape = state[name].shape
            state[name] = torch.from_numpy(values.reshape(shape).copy("C"))
    _restore_norms(model, state)
    told_elsewhere = _norm_weights(model) | {"logit_scale"}
    missing = set(dict(model.named_parameters())) - set(stored) - told_elsewhere
    if missing:
        raise KeyError(f"the ONNX files lack {sorted(missing)}")
    return state


def stored_parameters(path: Path) -> dict[str, NDArray[np.float32]]:
    """Give every parameter of an ONNX file as float32 under its torch name and in its shape,
    whether it stands there as float32, as float16 or as int8 with scales."""
    stored = dict(initialisers(path))
    found: dict[str, NDArray[np.float32]] = {}
    for name, values in stored.items():
        plain = name.removesuffix("_quantized")
        if plain != name:
            values = _times_scale(values, stored[f"{plain}_scale"], stored[f"{plain}_zero_point"])
        if values.dtype in (np.float32, np.float16):
            single = values.astype(np.float32, copy=False)
            found[plain.removesuffix(TRANSPOSED)] = (
                single.T if plain.endswith(TRANSPOSED) else single
            )
    return found


def _times_scale(
    values: NDArray[Any], scale: NDArray[Any], zero: NDArray[Any]
) -> NDArray[np.float32]:
    """Give (values - zero) x scale, the scale one number or one a column."""
    centred = values.astype(np.float32) - zero.astype(np.float32)
    return np.asarray(centred * scale, dtype=np.float32)


def _norm_weights(model: nn.Module) -> set[str]:
    """Name the weights of the batch normalisations, which are one and not stored."""
    norms = (name for name, each in model.named_modules() if isinstance(each, nn.BatchNorm2d))
    return {f"{name}.weight" for name in norms}


def _restore_norms(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Set all of a batch normalisation but its bias to the identity."""
    for name, each in model.named_modules():
        if isinstance(each, nn.BatchNorm2d):
            state[f"{name}.weight"] = torch.ones(each.num_features)
            state[f"{name}.running_mean"] = torch.zeros(each.num_features)
            state[f"{name}.running_var"] = torch.full((each.num_features,), 1.0 - each.eps)


def _write_open_clip_config(
    out: Path, model: Mapping[str, Any], preprocess: Mapping[str, Any]
) -> None:
    """Write open_clip's config with the absolute paths of the folders under `out`."""
    config = {"model_cfg": fill_in_folders(model, out), "preprocess_cfg": dict(preprocess)}
    with written_durably(out / CONFIG_FILE) as unfinished:
        unfinished.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _preprocess(description: Mapping[str, Any]) -> dict[str, Any]:
    """Give open_clip's `preprocess_cfg`: the whole picture squashed to the square."""
    shipped = description["preprocessing"]
    return {
        "size": shipped["size"],
        "mode": "RGB",
        "mean": shipped["mean"],
        "std": shipped["std"],
        "interpolation": shipped["interpolation"],
        "resize_mode": shipped["mode"],
    }


def _write_tokenizer(vocabulary: Path, out: Path, most_tokens: int) -> None:
    """Write the tokenizer as transformers reads it."""
    BertWordPieceTokenizer(str(vocabulary), lowercase=True).save(str(out / "tokenizer.json"))
    facts = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "model_max_length": most_tokens,
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    }
    (out / "tokenizer_config.json").write_text(json.dumps(facts, indent=1) + "\n")

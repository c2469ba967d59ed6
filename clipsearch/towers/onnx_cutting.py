"""Cuts an image tower in ONNX before its pooling: what it sees where, and the head behind it.

An ONNX file is a protobuf; what is read and written here are the few fields of ModelProto,
GraphProto and NodeProto that name nodes and tensors (onnx.proto of ONNX 1.x), so it works where
the package `onnx` is not installed. Weights are copied as they stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

POOLS = ("GlobalAveragePool", "ReduceMean")
_MODEL_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12
_FLOAT = b"\x12\x04\x0a\x02\x08\x01"  # ValueInfo.type: TypeProto.tensor_type.elem_type = FLOAT


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph: what it does, the tensors it takes and gives, its own bytes."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """A tower in two. `regions` names the tensor before the pooling, an output of `whole`.

    `units` names what the first layer of a head of several makes of the average, before its
    activation, another output of `whole`; None where there is no such head. `head` goes from
    a tensor like `regions`, of any height and width, to `raw`: the embedding before it is
    brought to unit length.
    """

    regions: str
    raw: str
    whole: bytes
    head: bytes
    units: str | None = None


def cut_before_pooling(
    model: bytes, given: str = "pixels", wanted: str = "embedding"
) -> Cut | None:
    """Cut a tower from `given` to `wanted` at the average through which all of it goes.

    None where there is no such average: attention pooling, a class token. Raises ValueError or
    IndexError for what is no ONNX file.
    """
    rest, graph = _graph_apart(model)
    fields = list(_fields(graph))
    nodes = [_node(value) for number, value in fields if number == _NODE]
    pool = next(
        (node for node in reversed(nodes) if _all_goes_through(node, nodes, given, wanted)), None
    )
    if pool is None:
        return None
    regions, raw = pool.inputs[0], _before_unit_length(nodes, wanted)
    needed = _needed(nodes, raw, regions)
    names = {name for node in needed for name in node.inputs}
    kept = [
        _field(_INITIALIZER, value)
        for number, value in fields
        if number == _INITIALIZER and _text(value, 8) in names
    ]
    head = b"".join(
        [
            *(_field(_NODE, node.raw) for node in needed),
            _field(2, b"head"),
            *kept,
            _field(_INPUT, _field(1, regions.encode()) + _FLOAT),
            _field(_OUTPUT, _field(1, raw.encode())),
        ]
    )
    units = _first_layer(needed, raw)
    outputs = {_text(value, 1) for number, value in fields if number == _OUTPUT}
    # Messages that are concatenated are merged: one more output needs no rewriting.
    also = [
        _field(_MODEL_GRAPH, _field(_OUTPUT, _field(1, name.encode())))
        for name in (regions, units)
        if name is not None and name not in outputs
    ]
    whole = b"".join([model, *also])
    return Cut(regions, raw, whole, rest + _field(_MODEL_GRAPH, head), units)


def _first_layer(head: list[Node], raw: str) -> str | None:
    """The output of the first of several fully connected layers."""
    layers = [node.outputs[0] for node in head if node.kind == "Gemm"]
    return layers[0] if len(layers) > 1 and layers[0] != raw else None


def _all_goes_through(pool: Node, nodes: list[Node], given: str, wanted: str) -> bool:
    """Whether a pooling sees the picture, and the embedding sees the picture by it alone."""
    if pool.kind not in POOLS:
        return False
    around = _reached([node for node in nodes if node is not pool], given)
    return pool.inputs[0] in around and wanted not in around


def _reached(nodes: list[Node], given: str) -> set[str]:
    """The tensors that depend on `given`; nodes stand in the order of their dependence."""
    found = {given}
    for node in nodes:
        if found.intersection(node.inputs):
            found.update(node.outputs)
    return found


def _before_unit_length(nodes: list[Node], wanted: str) -> str:
    """The tensor that is divided by its own length to give `wanted`; else `wanted` itself."""
    makers = {name: node for node in nodes for name in node.outputs}
    node = makers.get(wanted)
    if node is None:
        return wanted
    if node.kind == "Identity":
        return _before_unit_length(nodes, node.inputs[0])
    if node.kind == "LpNormalization":
        return node.inputs[0]
    if node.kind == "Div":
        divisor = _needed(nodes, node.inputs[1], node.inputs[0])
        if any(each.kind in ("ReduceL2", "Sqrt") for each in divisor):
            return node.inputs[0]
    return wanted


def _needed(nodes: list[Node], wanted: str, start: str) -> list[Node]:
    """The nodes that make `wanted` out of `start`, in their order."""
    asked, kept = {wanted}, []
    for node in reversed(nodes):
        if asked.intersection(node.outputs) and start not in node.outputs:
            kept.append(node)
            asked.update(node.inputs)
    return kept[::-1]


def _node(data: bytes) -> Node:
    inputs, outputs, kind = [], [], ""
    for number, value in _fields(data):
        if number == 1:
            inputs.append(value.decode())
        elif number == 2:
            outputs.append(value.decode())
        elif number == 4:
            kind = value.decode()
    return Node(kind, tuple(inputs), tuple(outputs), data)


def _graph_apart(model: bytes) -> tuple[bytes, bytes]:
    """The model's other fields as they stand, and its graph."""
    rest, graph = bytearray(), bytearray()
    position = 0
    while position < len(model):
        start = position
        number, kind, begin, position = _extent(model, position)
        if number == _MODEL_GRAPH and kind == 2:
            graph += model[begin:position]
        else:
            rest += model[start:position]
    return bytes(rest), bytes(graph)


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and content of every field with a length."""
    position = 0
    while position < len(data):
        number, kind, begin, position = _extent(data, position)
        if kind == 2:
            yield number, data[begin:position]


def _text(data: bytes, number: int) -> str:
    return next((value.decode() for found, value in _fields(data) if found == number), "")


def _extent(data: bytes, position: int) -> tuple[int, int, int, int]:
    """Number and kind of the field at a position, and where its content begins and ends."""
    key, position = _varint(data, position)
    number, kind = key >> 3, key & 7
    if kind == 0:
        _, end = _varint(data, position)
    elif kind == 2:
        length, position = _varint(data, position)
        end = position + length
    elif kind in (1, 5):
        end = position + (8 if kind == 1 else 4)
    else:
        raise ValueError(f"unknown kind of field {kind}")
    if end > len(data):
        raise ValueError("a field is longer than what holds it")
    return number, kind, position, end


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number is too long")


def _field(number: int, content: bytes) -> bytes:
    """A field with a length, as protobuf writes it."""
    return _number(number << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    digits: Iterable[int] = ()
    while value > 0x7F:
        digits = (*digits, value & 0x7F | 0x80)
        value >>= 7
    return bytes((*digits, value))

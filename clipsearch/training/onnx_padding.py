"""Constant padding moved from nodes of its own into the convolutions."""

import onnx

from clipsearch.training.padding import lopsided


def move_padding_into_convolutions(model: onnx.ModelProto) -> None:
    """Drop every Pad before a Conv and give its padding to the Conv, then drop dead nodes.

    torch exports even constant padding as eight nodes, which cost an image tower a quarter of
    its speed. Only the padding of `padding.with_plain_padding` stands in such a Pad.
    """
    made_by = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        source = made_by.get(node.input[0]) if node.op_type == "Conv" else None
        if source is not None and source.op_type == "Pad":
            node.input[0] = source.input[0]
            _set_padding(node)
    _drop_dead_nodes(model.graph)


def _set_padding(convolution: onnx.NodeProto) -> None:
    """Give a Conv the lopsided padding that its kernel and stride imply."""
    sizes = {each.name: list(each.ints) for each in convolution.attribute}
    pairs = zip(sizes["kernel_shape"], sizes["strides"], strict=True)
    before, after = zip(*(lopsided(kernel, stride) for kernel, stride in pairs), strict=True)
    kept = [each for each in convolution.attribute if each.name != "pads"]
    del convolution.attribute[:]
    convolution.attribute.extend(kept)
    convolution.attribute.append(onnx.helper.make_attribute("pads", [*before, *after]))


def _drop_dead_nodes(graph: onnx.GraphProto) -> None:
    """Remove nodes whose outputs nobody reads, and then those that only they read."""
    wanted = {each.name for each in graph.output}
    kept = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    initialisers = [each for each in graph.initializer if each.name in wanted]
    del graph.initializer[:]
    graph.initializer.extend(initialisers)

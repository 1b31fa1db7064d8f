"""Multilingual-e5-small as an ONNX graph: token ids in, unit vectors out.

The weights stay at 4 bits. The word embeddings are dequantised row by row as they are looked up, so the table is read
from the mapped file and never expanded; the matrices are dequantised inside MatMulNBits, which computes in float32: the
result equals that of the dequantised float32 model. Operators of `com.microsoft` are ONNX Runtime's own, there on every
CPU it runs on.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from llm.packaged.weights import BLOCK, Weights

_ORT = "com.microsoft"
_FLOAT32_COMPUTE = 1


def build_graph(weights: Weights) -> onnx.ModelProto:
    """The model, with all weights inside.

    Inputs: `ids` int64 (texts, tokens) and `mask` int32 (texts, tokens), 1 for tokens and 0 for padding.
    Output: `vectors` float32 (texts, hidden), the mean over the mask, of unit length.
    """
    graph = _Graph(weights)
    hidden = _embed(graph)
    for layer in range(weights.sizes.layers):
        hidden = _encode(graph, hidden, f"l{layer}.")
    _pool(graph, hidden)
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "tokens"]),
        helper.make_tensor_value_info("mask", TensorProto.INT32, ["texts", "tokens"]),
    ]
    outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", weights.sizes.hidden])]
    return helper.make_model(
        helper.make_graph(graph.nodes, "multilingual-e5-small", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(_ORT, 1)],
        ir_version=10,
    )


class _Graph:
    """Collects nodes and constants; every method returns the name of what it added."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, operator: str, inputs: Sequence[str], name: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], domain=domain, **attributes))
        return name

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def floats(self, *names: str) -> str:
        """Float32 tensors of the file, joined end to end."""
        return self.constant("+".join(names), np.concatenate([self.weights.floats(name) for name in names]))

    def packed(self, *names: str, columns: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """4-bit matrices of the file, stacked: bytes (rows, blocks, 16) and scales (rows, blocks).

        ONNX Runtime wants neighbours in one byte, the first in its low half.
        """
        parts = [self.weights.blocks(name) for name in names]
        values = np.concatenate([part for _, part in parts]).reshape(-1, columns // BLOCK, BLOCK)
        scales = np.concatenate([part for part, _ in parts]).reshape(-1, columns // BLOCK)
        return values[..., 0::2] | (values[..., 1::2] << 4), scales

    def product(self, left: str, *names: str, columns: int, name: str) -> str:
        """`left` times the transpose of the stacked matrices."""
        values, scales = self.packed(*names, columns=columns)
        return self.node(
            "MatMulNBits",
            [left, self.constant(f"{name}.values", values), self.constant(f"{name}.scales", scales)],
            name,
            _ORT,
            K=columns,
            N=len(scales),
            bits=4,
            block_size=BLOCK,
            accuracy_level=_FLOAT32_COMPUTE,
        )

    def add_and_normalise(self, left: str, right: str, bias: str, norm: str, name: str) -> str:
        """LayerNorm(left + bias + right)."""
        inputs = [left, right, self.floats(f"{norm}.w"), self.floats(f"{norm}.b"), self.floats(bias)]
        return self.node("SkipLayerNormalization", inputs, name, _ORT, epsilon=self.weights.sizes.epsilon)


def _embed(graph: _Graph) -> str:
    sizes = graph.weights.sizes
    values, scales = graph.packed("emb.word", columns=sizes.hidden)
    words = graph.node(
        "GatherBlockQuantized",
        [
            graph.constant("words.values", values.reshape(sizes.vocabulary, -1)),
            "ids",
            graph.constant("words.scales", scales),
        ],
        "words",
        _ORT,
        gather_axis=0,
        quantize_axis=1,
        block_size=BLOCK,
        bits=4,
    )
    kind = graph.weights.floats("emb.type")[: sizes.hidden]  # every text is of token type 0
    table = graph.constant("positions", graph.weights.floats("emb.pos").reshape(sizes.positions, sizes.hidden) + kind)
    start = graph.constant("start", np.array([0]))
    length = graph.node("Shape", ["ids"], "length", start=1)
    positions = graph.node("Slice", [table, start, length, start], "position")
    total = graph.node("Add", [words, positions], "embedded")
    norm = [total, graph.floats("emb.ln.w"), graph.floats("emb.ln.b")]
    return graph.node("LayerNormalization", norm, "embedding", epsilon=sizes.epsilon)


def _encode(graph: _Graph, hidden: str, layer: str) -> str:
    sizes = graph.weights.sizes
    heads = [layer + name for name in ("query", "key", "value")]
    joined = graph.product(
        hidden, layer + "q.w", layer + "k.w", layer + "v.w", columns=sizes.hidden, name=layer + "heads"
    )
    graph.nodes.append(helper.make_node("Split", [joined], heads, axis=-1, num_outputs=3))
    bias = graph.floats(layer + "q.b", layer + "k.b", layer + "v.b")
    context = graph.node("MultiHeadAttention", [*heads, bias, "mask"], layer + "context", _ORT, num_heads=sizes.heads)
    attended = graph.product(context, layer + "ao.w", columns=sizes.hidden, name=layer + "attended")
    hidden = graph.add_and_normalise(attended, hidden, layer + "ao.b", layer + "aln", layer + "middle")
    wide = graph.product(hidden, layer + "fi.w", columns=sizes.hidden, name=layer + "wide")
    active = graph.node("BiasGelu", [wide, graph.floats(layer + "fi.b")], layer + "active", _ORT)
    narrow = graph.product(active, layer + "fo.w", columns=sizes.intermediate, name=layer + "narrow")
    return graph.add_and_normalise(narrow, hidden, layer + "fo.b", layer + "oln", layer + "output")


def _pool(graph: _Graph, hidden: str) -> str:
    """The sum over the mask points where the mean does, so it is what gets unit length."""
    axis = graph.constant("axis", np.array([1]))
    weight = graph.node("Cast", ["mask"], "weight", to=TensorProto.FLOAT)
    row = graph.node("Unsqueeze", [weight, axis], "row")
    total = graph.node("MatMul", [row, hidden], "sum")
    flat = graph.node("Squeeze", [total, axis], "flat")
    return graph.node("LpNormalization", [flat], "vectors", axis=-1, p=2)

"""The captioner in torch: a Transformer decoder over the places that an image tower saw.

After Vaswani et al. (2017), with layer norms first (Xiong et al. 2020) and one embedding for
what goes in and what comes out (Press and Wolf 2017). Tokens of a batch lie packed, one after
another without padding, wherever each is worked on by itself; they are padded for attention only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

BLANK_PLACES = 9


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a decoder is; `channels`, `places` and `dim` are those of the image tower.

    `dropout` is that of the memory and of the words that go in; within the layers there is none.
    """

    vocabulary: int
    channels: int = 1280
    places: int = 81
    dim: int = 640
    width: int = 192
    layers: int = 3
    heads: int = 8
    inner: int = 768
    longest: int = 40
    dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class Packed:
    """Captions of equal numbers for each memory, packed.

    `tokens` int64 [n] begin each caption with the token that opens it, `wanted` [n] are the
    tokens that follow; `rows` and `columns` [n] say which caption and which place in it each is.
    """

    tokens: Tensor
    wanted: Tensor
    rows: Tensor
    columns: Tensor
    captions: int
    longest: int


@dataclass(frozen=True, slots=True)
class Cache:
    """Keys and values of the tokens before, [captions, heads, steps, width] of each layer."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]


class Memory(nn.Module):
    """Places and embedding of a picture, as tokens of the decoder's width."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.places = nn.Linear(shape.channels, shape.width)
        self.whole = nn.Linear(shape.dim, shape.width)
        self.position = nn.Parameter(torch.randn(shape.places, shape.width) * 0.02)
        self.norm_places, self.norm_whole = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, embeddings: Tensor, places: Tensor | None) -> Tensor:
        """[n, dim] and [n, places, channels] to [n, 1 + places, width].

        Embeddings of unit length are brought to a mean square of one. Without places a few that
        show nothing stand there, so that the decoder learns to tell them from the embedding.
        """
        scaled = embeddings * embeddings.shape[-1] ** 0.5
        whole = self.norm_whole(self.whole(scaled)).unsqueeze(1)
        if places is None:
            some = torch.randperm(len(self.position))[:BLANK_PLACES]
            blank = self.norm_places(self.places.bias) + self.position[some]
            seen = blank.expand(len(embeddings), -1, -1)
        else:
            seen = self.norm_places(self.places(places)) + self.position
        return self.dropout(torch.cat([whole, seen], dim=1))  # type: ignore[no-any-return]


class Layer(nn.Module):
    """Attention to the words before, attention to the picture, and a network for each word."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.norm_self, self.norm_cross = nn.LayerNorm(width), nn.LayerNorm(width)
        self.norm_inner = nn.LayerNorm(width)
        self.mixed, self.out_self = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.query, self.out_cross = nn.Linear(width, width), nn.Linear(width, width)
        self.seen = nn.Linear(width, 2 * width)
        self.up, self.down = nn.Linear(width, shape.inner), nn.Linear(shape.inner, width)

    def forward(self, words: Tensor, memory: Tensor, packed: Packed) -> Tensor:
        """Packed words [n, width] and memories [m, t, width] to packed words."""
        words = words + self._among_words(self.norm_self(words), packed)
        words = words + self._in_picture(self.norm_cross(words), memory, packed)
        return words + self.inner(words)

    def inner(self, words: Tensor) -> Tensor:
        """The network for each word."""
        return self.down(nn.functional.gelu(self.up(self.norm_inner(words))))  # type: ignore[no-any-return]

    def step(
        self, words: Tensor, keys: Tensor, values: Tensor, seen: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One new word of k captions of each of n pictures, [n, k, width].

        Keys and values of the words before are [n * k, heads, t, w], those of the pictures
        [n, heads, places, w]: captions of one picture share them.
        """
        each_alone = self.norm_self(words).reshape(-1, 1, words.shape[-1])
        query, key, value = self.mixed(each_alone).chunk(3, dim=-1)
        keys = torch.cat([keys, self.parted(key)], dim=2)
        values = torch.cat([values, self.parted(value)], dim=2)
        found = joined(attended(self.parted(query), keys, values))
        words = words + self.out_self(found.reshape(words.shape))
        asked = self.parted(self.query(self.norm_cross(words)))
        words = words + self.out_cross(joined(attended(asked, *seen)))
        return words + self.inner(words), keys, values

    def look(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of memories [m, t, width]: each [m, heads, t, width / heads]."""
        key, value = self.seen(memory).chunk(2, dim=-1)
        return self.parted(key), self.parted(value)

    def parted(self, states: Tensor) -> Tensor:
        """[n, t, width] as [n, heads, t, width / heads]."""
        captions, steps, width = states.shape
        return states.reshape(captions, steps, self.heads, width // self.heads).transpose(1, 2)

    def _among_words(self, words: Tensor, packed: Packed) -> Tensor:
        mixed = self.mixed(words)
        padded = mixed.new_zeros(packed.captions, packed.longest, mixed.shape[-1])
        padded[packed.rows, packed.columns] = mixed
        query, key, value = (self.parted(each) for each in padded.chunk(3, dim=-1))
        found = scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out_self(joined(found)[packed.rows, packed.columns])  # type: ignore[no-any-return]

    def _in_picture(self, words: Tensor, memory: Tensor, packed: Packed) -> Tensor:
        asked = self.query(words)
        padded = asked.new_zeros(packed.captions, packed.longest, asked.shape[-1])
        padded[packed.rows, packed.columns] = asked
        a_picture = padded.reshape(len(memory), -1, padded.shape[-1])
        found = scaled_dot_product_attention(self.parted(a_picture), *self.look(memory))
        flat = joined(found).reshape(padded.shape)
        return self.out_cross(flat[packed.rows, packed.columns])  # type: ignore[no-any-return]


class CaptionDecoder(nn.Module):
    """Memories and the words so far to the next word."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.memory = Memory(shape)
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.position = nn.Parameter(torch.randn(shape.longest, shape.width) * 0.02)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary))
        self.dropout = nn.Dropout(shape.dropout)
        nn.init.normal_(self.words.weight, std=shape.width**-0.5)

    def forward(self, memory: Tensor, packed: Packed) -> Tensor:
        """Logits [n, vocabulary] of the token after each packed token."""
        words = self.words(packed.tokens) + self.position[packed.columns]
        words = self.dropout(words)
        for layer in self.layers:
            words = layer(words, memory, packed)
        return self._logits(words)

    def look(self, memory: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The keys and values of the memories, for each layer."""
        return [layer.look(memory) for layer in self._layers()]

    def begin(self, captions: int) -> Cache:
        """The cache of captions without a word."""
        size = self.shape.width // self.shape.heads
        empty = self.bias.new_zeros(captions, self.shape.heads, 0, size)
        return Cache((empty,) * self.shape.layers, (empty,) * self.shape.layers)

    def step(
        self, tokens: Tensor, cache: Cache, seen: Sequence[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Cache]:
        """Logits [n, k, vocabulary] after one more token [n, k] each, and the longer cache."""
        at = torch._shape_as_tensor(cache.keys[0])[2:3]  # a number that the ONNX export follows
        words = self.words(tokens) + self.position.index_select(0, at)
        keys, values = [], []
        for number, layer in enumerate(self._layers()):
            words, key, value = layer.step(
                words, cache.keys[number], cache.values[number], seen[number]
            )
            keys.append(key)
            values.append(value)
        return self._logits(words), Cache(tuple(keys), tuple(values))

    def _logits(self, words: Tensor) -> Tensor:
        logits: Tensor = nn.functional.linear(self.norm(words), self.words.weight, self.bias)
        return logits

    def _layers(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]


def attended(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention spelled out, as ONNX Runtime runs it: [n, heads, t, width]."""
    likeness = query @ keys.transpose(-1, -2) / math.sqrt(query.shape[-1])
    return likeness.softmax(-1) @ values


def joined(states: Tensor) -> Tensor:
    """[n, heads, t, w] as [n, t, heads * w]."""
    return states.transpose(1, 2).flatten(2)

"""Convolution and pooling. An image is lists nested as [channel][row][column], at any place of the net.

A window slides over the image; each of its places makes one pixel of the output. Which pixels lie under the window
depends on sizes alone, so this is found once for each size of images, and a call only gathers and computes: a pixel of
a convolution is one ``sumprod`` node.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from ..arguments import flag, pair, whole_number, wrong_value
from ..core.functions import sum as sum_
from ..core.functions import sumprod
from ..core.serving import Value
from ..ops import number
from .module import Module
from .nested import Kept, depth
from .sources import Random, source, uniform

Pair = tuple[int, int]
Image = Sequence[Sequence[Sequence[Any]]]


class Conv2d(Module):
    """Cross-correlation with a window of weights for each output channel, plus its bias; zeros surround the image.

    Args:
        in_channels: the number of channels of the input.
        out_channels: that of the output.
        kernel_size: rows and columns of the window: one int for both or a pair, as the next two.
        stride: how far the window moves from pixel to pixel.
        padding: how many rows and columns of zeros are put on either side.
        bias: whether to add a bias.
        rng: where weights and biases are drawn from; the module ``random`` if none is given. They are uniform between
            ±1 / sqrt(the number of pixels in a window), as in PyTorch.

    Attributes:
        weight: the windows, [output channel][input channel][row][column], in nested tuples: to replace one, assign all.
        bias: one Value per output channel, or None.

    Raises:
        TypeError: if a size is no int, or ``rng`` no source of random numbers; when called, if there is no image.
        ValueError: if a size is out of its range; when called, if the image has the wrong number of channels, channels
            or rows of different sizes, or is smaller than the window.

    >>> blur = Conv2d(1, 1, 2, bias=False)
    >>> blur.load_state_dict(dict.fromkeys(blur.state_dict(), 0.25))
    >>> blur([[[0.0, 4.0, 4.0], [0.0, 4.0, 8.0]]])
    [[[Value(2.0), Value(5.0)]]]
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        *,
        bias: bool = True,
        rng: Random | None = None,
    ) -> None:
        self.in_channels = whole_number("in_channels", in_channels, low=1)
        self.out_channels = whole_number("out_channels", out_channels, low=1)
        self.kernel_size = pair("kernel_size", kernel_size, low=1)
        self.stride = pair("stride", stride, low=1)
        self.padding = pair("padding", padding, low=0)
        bound = 1.0 / math.sqrt(self.in_channels * self.kernel_size[0] * self.kernel_size[1])
        draw = source(rng).uniform
        self.weight = uniform(draw, bound, self.out_channels, self.in_channels, *self.kernel_size)
        self.bias = uniform(draw, bound, self.out_channels) if flag("bias", bias) else None
        self._filters = Kept(_filters)

    def __call__(self, input: Image) -> list[list[list[Any]]]:
        size = _size(self, input, self.kernel_size, self.padding)
        if len(input) != self.in_channels:
            raise ValueError(f"{self!r} takes an image of {self.in_channels} channels, got {len(input)}")
        windows = _gatherers(
            self.in_channels, size, self.kernel_size, self.stride, self.padding, border=True, bias=bool(self.bias)
        )
        pixels = [*_join(_join(input)), 1.0, 0.0]  # the bias's factor, and what lies outside
        patches = [[gather(pixels) for gather in row] for row in windows]
        filters = self._filters(self.weight, self.bias)
        return [[[sumprod(weights, patch) for patch in row] for row in patches] for weights in filters]

    def __repr__(self) -> str:
        padding = f", padding={self.padding}" if any(self.padding) else ""
        bias = "" if self.bias else ", bias=False"
        return (
            f"Conv2d({self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}{padding}{bias})"
        )


class _Pool2d(Module, ABC):
    """What both kinds of pooling share: a window on each channel, with as many channels in as out."""

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> None:
        self.kernel_size = pair("kernel_size", kernel_size, low=1)
        self.stride = self.kernel_size if stride is None else pair("stride", stride, low=1)
        self.padding = pair("padding", padding, low=0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise wrong_value("padding", padding, f"choose at most half of the kernel_size {self.kernel_size}")

    @abstractmethod
    def _pool(self, pixels: list[Any], *geometry: Pair) -> list[list[Any]]:
        """The output for one channel; ``geometry`` is the image's size, then kernel_size, stride and padding."""

    def __call__(self, input: Image) -> list[list[list[Any]]]:
        size = _size(self, input, self.kernel_size, self.padding)
        return [self._pool([*_join(plane)], size, self.kernel_size, self.stride, self.padding) for plane in input]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding})"


class MaxPool2d(_Pool2d):
    """The largest pixel under the window, itself and not a new node: it alone receives the gradient.

    Of equal pixels the first is taken, as in PyTorch, where ``ag.maximum`` shares the gradient among them; NaN counts
    as larger than every number.

    Args:
        kernel_size: rows and columns of the window: one int for both or a pair, as the next two.
        stride: how far the window moves from pixel to pixel; its own size if None.
        padding: how far it reaches beyond the image, at most half of its size; nothing is there.

    Raises:
        TypeError: if a size is no int; when called, if there is no image.
        ValueError: if a size is out of its range; when called, if the image has channels or rows of different sizes,
            or is smaller than the window.

    >>> MaxPool2d(2)([[[1.0, 3.0, 5.0, 5.0], [2.0, 0.0, 5.0, 6.0]]])
    [[[3.0, 6.0]]]
    """

    def _pool(self, pixels: list[Any], *geometry: Pair) -> list[list[Any]]:
        data = [x.data if type(x) is Value else number(x) for x in pixels]
        pick = _nan_or_max if any(map(math.isnan, data)) else max
        return [[pick(gather(pixels)) for gather in row] for row in _gatherers(1, *geometry, border=False)]


class AvgPool2d(_Pool2d):
    """The mean of the pixels under the window.

    Args:
        kernel_size: rows and columns of the window: one int for both or a pair, as the next two.
        stride: how far the window moves from pixel to pixel; its own size if None.
        padding: how far it reaches beyond the image, at most half of its size; zeros are there, and they count.

    Raises:
        TypeError, ValueError: as ``MaxPool2d``.

    >>> AvgPool2d(2)([[[1.0, 3.0, 5.0, 5.0], [2.0, 0.0, 5.0, 6.0]]])
    [[[1.5, 5.25]]]
    """

    def _pool(self, pixels: list[Any], *geometry: Pair) -> list[list[Any]]:
        area, windows = self.kernel_size[0] * self.kernel_size[1], _gatherers(1, *geometry, border=False)
        return [[sum_(gather(pixels)) / area for gather in row] for row in windows]


_join = chain.from_iterable


def _filters(weight: Sequence[Image], bias: Sequence[Any] | None) -> list[tuple[Any, ...]]:
    """The weights of each output channel in a row, its bias at the end."""
    filters = [tuple(_join(_join(channel))) for channel in weight]
    return [(*weights, b) for weights, b in zip(filters, bias, strict=True)] if bias else filters


def _nan_or_max(patch: tuple[Any, ...]) -> Any:
    for x in patch:
        if x != x:
            return x
    return max(patch)


@lru_cache(maxsize=64)
def _gatherers(
    channels: int, size: Pair, kernel: Pair, stride: Pair, padding: Pair, *, border: bool, bias: bool = False
) -> list[list[Callable[[list[Any]], tuple[Any, ...]]]]:
    """For each pixel of the output, row by row, what gathers the pixels under the window from the list of all.

    Where the window sticks out of the image, the last element of the list is taken if ``border``, else none. The last
    but one comes after the window if ``bias``.
    """
    height, width = size

    def gatherer(top: int, left: int) -> Callable[[list[Any]], tuple[Any, ...]]:
        places = [
            (channel * height + row) * width + column if 0 <= row < height and 0 <= column < width else -1
            for channel in range(channels)
            for row in range(top, top + kernel[0])
            for column in range(left, left + kernel[1])
        ]
        if not border:
            places = [place for place in places if place >= 0]
        if bias:
            places.append(-2)
        return itemgetter(*places) if len(places) > 1 else lambda pixels: (pixels[places[0]],)

    return [
        [gatherer(top, left) for left in range(-padding[1], width + padding[1] - kernel[1] + 1, stride[1])]
        for top in range(-padding[0], height + padding[0] - kernel[0] + 1, stride[0])
    ]


def _size(module: Module, image: Any, kernel: Pair, padding: Pair) -> Pair:
    """Rows and columns of an image that is large enough for the window."""
    levels = depth(image)
    try:
        lengths = [list(map(len, channel)) for channel in image]
    except TypeError:
        levels = min(levels, 2)  # some row is none
        lengths = []
    if levels != 3:
        one, many = "write [image] for an image of one channel", "for a batch write [model(x) for x in batch]"
        raise TypeError(
            f"{module!r} takes an image as lists nested three deep, [channel][row][column], "
            f"got a {type(image).__name__} nested {levels} deep; {many if levels > 3 else one}"
        )
    height, width = len(lengths[0]), lengths[0][0]
    for i, rows in enumerate(lengths):
        if len(rows) != height:
            raise ValueError(
                f"channels of an image are of one size; channel 0 has {height} rows, and channel {i} has {len(rows)}"
            )
        if rows.count(width) != height:
            j, found = next((j, n) for j, n in enumerate(rows) if n != width)
            raise ValueError(
                f"rows of an image are of one length; row 0 of channel 0 has {width} pixels, "
                f"and row {j} of channel {i} has {found}"
            )
    low = [max(1, k - 2 * p) for k, p in zip(kernel, padding, strict=True)]
    if height < low[0] or width < low[1]:
        raise ValueError(f"{module!r} takes an image of at least {low[0]} x {low[1]} pixels, got {height} x {width}")
    return height, width

"""Neural nets: modules that hold parameters, and losses.

Perceptrons have micrograd's signatures, all other modules PyTorch's names and order of arguments. They take one sample:
a list of numbers, an image as lists nested as [channel][row][column], or an index.

>>> import random
>>> model = MLP(2, [3, 1], rng=random.Random(0))
>>> len(model.parameters()), type(model([0.5, -1.0])).__name__
(13, 'Value')
"""

from . import utils
from .convolution import AvgPool2d, Conv2d, MaxPool2d
from .dropout import Dropout
from .embedding import Embedding
from .loss import binary_cross_entropy_with_logits, cross_entropy, hinge_loss, l2, mse_loss
from .module import Module
from .normalization import LayerNorm
from .perceptron import MLP, Layer, Neuron
from .recurrent import GRUCell, LSTMCell, RNNCell
from .sequential import Flatten, ReLU, Sequential, Sigmoid, Tanh

__all__ = [
    "MLP",
    "AvgPool2d",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "LSTMCell",
    "Layer",
    "LayerNorm",
    "MaxPool2d",
    "Module",
    "Neuron",
    "RNNCell",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge_loss",
    "l2",
    "mse_loss",
    "utils",
]
__dir__ = __all__.copy  # dir() lists what is public

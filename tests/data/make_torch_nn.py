"""Write torch_nn.json: what PyTorch's layers compute, forward and backward, and its clipping, in float64.

    pip install torch==2.13.0
    python tests/data/make_torch_nn.py

Each case has a layer's arguments, its parameters, its inputs and outputs, the cotangent that is sent back from each
output, and the gradients that arrive at inputs and parameters. Some inputs are whole numbers, so that pixels are equal.
"""

import json
from pathlib import Path

import torch

# name: (layer, positional arguments, keyword arguments, shapes of the inputs)
CASES = {
    "conv": ("Conv2d", [1, 2, 3], {}, [[1, 5, 6]]),
    "conv, channels, stride": ("Conv2d", [3, 2, 2, 2], {}, [[3, 5, 6]]),
    "conv, pairs": ("Conv2d", [2, 3, [2, 3], [1, 2], [2, 1]], {}, [[2, 4, 5]]),
    "conv, padding, no bias": ("Conv2d", [2, 2, 3], {"padding": 1, "bias": False}, [[2, 4, 3]]),
    "conv, one pixel": ("Conv2d", [1, 2, 1], {"bias": False}, [[1, 2, 3]]),
    "conv, large padding": ("Conv2d", [1, 1, 2], {"padding": 4, "stride": 3}, [[1, 1, 2]]),
    "max": ("MaxPool2d", [2], {}, [[2, 4, 6]]),
    "max, equal pixels": ("MaxPool2d", [2], {}, [[2, 6, 6, "whole"]]),
    "max, overlap": ("MaxPool2d", [3, 1], {}, [[1, 5, 4, "whole"]]),
    "max, pairs, padding": ("MaxPool2d", [[2, 3], [2, 1], [1, 1]], {}, [[2, 5, 4, "whole"]]),
    "max, one pixel": ("MaxPool2d", [1], {"stride": 2}, [[1, 3, 4]]),
    "avg": ("AvgPool2d", [2], {}, [[2, 4, 6]]),
    "avg, overlap, rest": ("AvgPool2d", [3, 2], {}, [[1, 6, 8]]),
    "avg, pairs, padding": ("AvgPool2d", [[3, 2], [1, 2], [1, 1]], {}, [[2, 4, 5]]),
    "embedding": ("Embedding", [5, 3], {}, [[4, "index"]]),
    "embedding, nested": ("Embedding", [3, 2], {}, [[2, 3, "index"]]),
    "rnn": ("RNNCell", [3, 4], {}, [[3], [4]]),
    "rnn, from zeros": ("RNNCell", [3, 4], {}, [[3]]),
    "rnn, relu, no bias": ("RNNCell", [2, 5, False, "relu"], {}, [[2], [5]]),
    "gru": ("GRUCell", [3, 4], {}, [[3], [4]]),
    "gru, from zeros": ("GRUCell", [2, 3], {}, [[2]]),
    "gru, no bias": ("GRUCell", [1, 2], {"bias": False}, [[1], [2]]),
    "lstm": ("LSTMCell", [3, 4], {}, [[3], [4], [4]]),
    "lstm, from zeros": ("LSTMCell", [2, 3], {}, [[2]]),
    "lstm, no bias": ("LSTMCell", [2, 1, False], {}, [[2], [1], [1]]),
    "layer norm": ("LayerNorm", [6], {}, [[6]]),
    "layer norm, eps": ("LayerNorm", [3, 0.5], {}, [[3]]),
    "layer norm, no bias": ("LayerNorm", [4], {"bias": False}, [[4]]),
    "layer norm, plain": ("LayerNorm", [4], {"elementwise_affine": False}, [[4]]),
    "relu": ("ReLU", [], {}, [[2, 3]]),
    "tanh": ("Tanh", [], {}, [[4]]),
    "sigmoid": ("Sigmoid", [], {}, [[2, 1, 2]]),
    "flatten": ("Flatten", [0], {}, [[2, 3, 2]]),
}

GRADIENTS = [3.0, -4.0, 0.0, 1e-3, 12.0]
CLIPS = [(5.0, 2.0), (13.1, 2.0), (1e9, 2.0), (1.0, 1.0), (2.0, 3.5), (7.0, float("inf")), (0.0, 2.0)]


def tensor(shape):
    if shape[-1] == "index":
        return torch.randint(0, 3, shape[:-1])
    if shape[-1] == "whole":
        return torch.randint(-1, 2, shape[:-1]).double().requires_grad_()
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def case(kind, args, kwargs, shapes):
    """Run one layer; ``test_layers.py`` runs it on cases of its own, too."""
    layer = getattr(torch.nn, kind)(*[tuple(a) if isinstance(a, list) else a for a in args], **kwargs).double()
    for p in layer.parameters():
        torch.nn.init.normal_(p)
    inputs = [tensor(shape) for shape in shapes]
    given = [inputs[0], tuple(inputs[1:])] if len(inputs) == 3 else inputs
    outputs = layer(*given)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    cotangents = [torch.randn_like(out) for out in outputs]
    torch.autograd.backward(outputs, cotangents)
    return {
        "layer": kind,
        "args": args,
        "kwargs": kwargs,
        "parameters": {name: p.tolist() for name, p in layer.named_parameters()},
        "inputs": [x.tolist() for x in inputs],
        "outputs": [out.tolist() for out in outputs],
        "cotangents": [c.tolist() for c in cotangents],
        "input_grads": [None if x.grad is None else x.grad.tolist() for x in inputs],
        "parameter_grads": {name: p.grad.tolist() for name, p in layer.named_parameters()},
    }


def clip(max_norm, norm_type):
    p = torch.zeros(len(GRADIENTS), dtype=torch.float64)
    p.grad = torch.tensor(GRADIENTS, dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_([p], max_norm, norm_type).item()
    return {"max_norm": max_norm, "norm_type": norm_type, "norm": norm, "clipped": p.grad.tolist()}


def main():
    torch.manual_seed(0)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case(*c))}" for name, c in CASES.items())
    clips = ",\n".join(json.dumps(clip(*c)) for c in CLIPS)
    text = f'{{"torch": "{torch.__version__}", "gradients": {json.dumps(GRADIENTS)},\n"clips": [\n{clips}\n],\n'
    text += '"cases": {\n' + lines + "\n}}\n"
    Path(__file__).with_name("torch_nn.json").write_text(text)


if __name__ == "__main__":
    main()

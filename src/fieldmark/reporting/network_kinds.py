"""What kind of layer a type name stands for: this decides a box's colour, and what is drawn at all."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """The kinds that a drawing tells apart; the value is what the legend says."""

    PICTURE = "picture"
    CONVOLUTION = "convolution"
    POOLING = "pooling"
    LINEAR = "linear"
    CONCATENATION = "concatenation"
    ADDITION = "addition"
    PRODUCT = "product"
    NORMALISATION = "normalisation"
    ACTIVATION = "activation"
    OTHER = "other"
    PASSING = "passing"  # changes no number, or only while training: not drawn


_EXACTLY = {
    Kind.POOLING: "mean amax amin",
    Kind.LINEAR: "addmm nondynamicallyquantizablelinear",
    Kind.CONCATENATION: "cat concat concatenate hstack",
    Kind.ADDITION: "add iadd sub isub",
    Kind.PRODUCT: "mul imul div",
    Kind.ACTIVATION: (
        "celu clamp elu gelu hardshrink hardsigmoid hardswish hardtanh leakyrelu logsigmoid logsoftmax mish "
        "relu6 selu sigmoid silu softmax softplus softsign swish tanh threshold"
    ),
    Kind.PASSING: (
        "alias clone contiguous copy detach droppath expand flatten float identity permute reshape "
        "squeeze stochasticdepth swapaxes swapdims to t transpose unflatten unsafeview unsqueeze view"
    ),
}
_BY_NAME = {name: kind for kind, names in _EXACTLY.items() for name in names.split()}
_ENDINGS = ("linear", Kind.LINEAR), ("relu", Kind.ACTIVATION)
_PARTS = (
    ("conv", Kind.CONVOLUTION),
    ("pool", Kind.POOLING),
    ("dropout", Kind.PASSING),
    ("norm", Kind.NORMALISATION),
)


def kind_of(type_name: str) -> Kind:
    """The kind of layer that a class or an operation of this name is.

    >>> [kind_of(name).value for name in ("Conv2d", "max_pool2d", "LeakyReLU", "add_", "Dropout", "Mixer")]
    ['convolution', 'pooling', 'activation', 'addition', 'passing', 'other']
    """
    name = type_name.lower().replace("_", "")
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name == "bilinear":  # a product of two vectors, or a way to enlarge a map
        return Kind.OTHER
    for ending, kind in _ENDINGS:
        if name.endswith(ending):
            return kind
    for part, kind in _PARTS:
        if part in name:
            return kind
    return Kind.OTHER

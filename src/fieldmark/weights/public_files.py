"""The files of published weights that can be had by a model's name: addresses, checksums, normalisation.

Read from torchvision's source (0.29, torchvision/models/*.py, `IMAGENET1K_V1`): the weights of the papers'
training on ImageNet. The digits in a file's name are the first eight of its SHA-256, the check that
torchvision itself makes. Those of later trainings (`IMAGENET1K_V2`) have the same layout and load as files.
"""

from __future__ import annotations

ADDRESSES = ("https://download.pytorch.org/models/",)

PUBLIC_FILES = {
    "alexnet": "alexnet-owt-7be5be79.pth",
    "densenet121": "densenet121-a639ec97.pth",
    "densenet161": "densenet161-8d451a50.pth",
    "densenet169": "densenet169-b2777c0a.pth",
    "densenet201": "densenet201-c1103571.pth",
    "googlenet": "googlenet-1378be20.pth",
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "resnet101": "resnet101-63fe2227.pth",
    "resnet152": "resnet152-394f9c45.pth",
    "vgg11": "vgg11-8a719046.pth",
    "vgg11_bn": "vgg11_bn-6002323d.pth",
    "vgg13": "vgg13-19584684.pth",
    "vgg13_bn": "vgg13_bn-abd245e5.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg16_bn": "vgg16_bn-6c64b313.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vgg19_bn": "vgg19_bn-c79401a0.pth",
}
"""Model to file."""

SIDE = 224
"""Pixels of a side of the pictures they were trained on."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What their pictures were normalised by: red, green, blue, on the 0-1 scale."""


def checksum(file: str) -> str:
    """The check of one of these files, as `data.download.Remote` takes it.

    >>> checksum("resnet18-f37072fd.pth")
    'sha256:f37072fd'
    """
    return "sha256:" + file.removesuffix(".pth").rpartition("-")[2]

"""Which members of MODELS a test has to try to have tried them all."""

from fieldmark.models import MODELS

DEEPER = {"vgg13", "vgg16", "vgg19", "vgg13_bn", "vgg16_bn", "vgg19_bn", "resnet34", "resnet101", "resnet152"}
DEEPER |= {"densenet161", "densenet169", "densenet201"}
"""Members that repeat the blocks of another more often, and differ in nothing else."""

DIFFERENT = sorted(set(MODELS) - DEEPER)
"""One of each kind; new members are picked up by themselves."""

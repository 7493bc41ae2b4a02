"""Backbones as they are trained, and the way from there to what is served."""

# Before timm, which imports torchvision.
import affect_training.torchvision_operators  # noqa: F401

"""How right a model is: predictions, metrics with intervals, tables and figures."""

# Before torchmetrics, which imports torchvision.
import affect_training.torchvision_operators  # noqa: F401

"""From a prepared set to a checkpoint: recipes, stages, the training loop."""

# Before Lightning and torchmetrics, which import torchvision.
import affect_training.torchvision_operators  # noqa: F401

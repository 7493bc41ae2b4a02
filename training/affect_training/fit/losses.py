"""What training minimises, over the whole batch of all processes."""

from __future__ import annotations

from torch import Tensor

from affect_training.fit.recipe import LossConfig


def batch_loss(config: LossConfig, outputs: Tensor, gold: Tensor, rated: Tensor) -> Tensor:
    """Weighted sum of mean squared error and 1 - CCC.

    Args:
        config: the weights.
        outputs: (B, T, 2) in [-1, 1]; of all processes.
        gold: (B, T, 2) in [-1, 1]; anything where unrated.
        rated: (B, T) bool.

    Returns:
        A number >= 0; 0 where nothing is rated.
    """
    predicted, wanted = outputs[rated].float(), gold[rated].float()
    if len(predicted) == 0:
        return outputs.sum() * 0
    loss = config.mse * (predicted - wanted).square().mean()
    if config.ccc > 0:
        loss = loss + config.ccc * (1 - concordance(predicted, wanted)).mean()
    return loss


def concordance(predicted: Tensor, gold: Tensor) -> Tensor:
    """CCC of each column of (n, 2) (Lin 1989; paper, Training), differentiable.

    CCC = 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2) with moments over n. 1e-8 in the
    denominator stands for the rounding of constant columns.
    """
    mean_x, mean_y = predicted.mean(0), gold.mean(0)
    covariance = ((predicted - mean_x) * (gold - mean_y)).mean(0)
    spread = predicted.var(0, correction=0) + gold.var(0, correction=0)
    return 2 * covariance / (spread + (mean_x - mean_y).square() + 1e-8)

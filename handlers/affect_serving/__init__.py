"""TorchServe's side: requests to clips, batches, metrics, answers."""

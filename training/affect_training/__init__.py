"""From weights to an archive that TorchServe serves."""

"""`python -m affect_training`, which torchrun starts."""

from __future__ import annotations

from affect_training.cli import app

if __name__ == "__main__":
    app()

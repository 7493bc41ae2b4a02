"""What can go wrong on the training side."""

from __future__ import annotations


class TrainingError(Exception):
    """Base of every error the training side raises on purpose; its message says what to do."""


class DataError(TrainingError):
    """Clips, ratings or prepared data that cannot be used; the message names the file."""

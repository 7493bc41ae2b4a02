"""Affectline's contract, as types. Needs pydantic and nothing heavier."""

from affect_client.wire import Prediction, PredictOptions, Problem

__all__ = ["PredictOptions", "Prediction", "Problem"]

"""What the server says of itself: health, models, workers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from affect_client._answers import Answer, parse
from affect_client.wire import ModelDescription

if TYPE_CHECKING:
    from pydantic import RootModel


class _Told(BaseModel):
    # Built when first used: importing the package is not held up for what few programs ask.
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, defer_build=True)


class Health(_Told):
    """How the server is: `/ping`."""

    status: str = Field(description="`Healthy`, `Partial Healthy` or `Unhealthy`.")

    @property
    def healthy(self) -> bool:
        """Whether all models have the workers they should have."""
        return self.status == "Healthy"


class Worker(_Told):
    """A process that holds one copy of a model."""

    id: str = Field(description="TorchServe's.")
    status: str = Field(description="`READY`, or for example `UNLOADING`.")
    pid: int | None = Field(default=None, description="On the server's machine.")
    gpu: bool = Field(default=False, description="Whether it runs on a GPU.")


class ServedModel(_Told):
    """A model that the server has loaded."""

    name: str = Field(alias="modelName", description="Of the model in the server's paths.")
    version: str = Field(alias="modelVersion", description="The archive's.")
    archive: str = Field(alias="modelUrl", description="File name in the server's model store.")
    batch_size: int = Field(alias="batchSize", ge=1, description="Clips worked on together.")
    workers: list[Worker] = Field(default_factory=list, description="Its processes.")

    @property
    def ready(self) -> bool:
        """Whether a worker can answer."""
        return any(worker.status == "READY" for worker in self.workers)


class ModelName(_Told):
    """An entry of the list of models."""

    name: str = Field(alias="modelName")


class ModelNames(_Told):
    """The list of models."""

    models: list[ModelName]


@functools.cache
def _versions() -> type[RootModel[list[ServedModel]]]:
    """At least one. A model of a list is built where it is named: here, when first used."""
    from pydantic import RootModel

    return RootModel[Annotated[list[ServedModel], Field(min_length=1)]]


def parse_health(answer: Answer) -> Health:
    """Health, which TorchServe sends with 500 where it is bad."""
    try:
        return Health.model_validate_json(answer.body)
    except ValidationError:
        return parse(Health, answer, {"status"})


def parse_names(answer: Answer) -> list[str]:
    """The names of all models."""
    return [model.name for model in parse(ModelNames, answer, {"models"}).models]


def parse_model(answer: Answer) -> ServedModel:
    """The version of a model that answers where none is named."""
    return parse(_versions(), answer, set()).root[0]


def parse_description(answer: Answer) -> ModelDescription:
    """What the model says of itself."""
    return parse(ModelDescription, answer, {"model", "device"})

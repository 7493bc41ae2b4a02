"""What is asked: every request of the clients as a value, before any connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from affect_client._multipart import Multipart, Part
from affect_client.errors import SettingsError
from affect_client.retries import Repeat
from affect_client.settings import Settings, Timeouts
from affect_client.uploads import OnUpload, Upload
from affect_client.wire import LiveOptions, PredictOptions

FacesChoice = Literal["primary", "all"]
_JSON: Final = "application/json"
_Options = TypeVar("_Options", PredictOptions, LiveOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, which may be sent several times."""

    operation: str
    url: str
    begin_s: float
    """Longest wait for the answer to begin."""
    go_on_s: float
    """Longest wait for more of it."""
    repeat: Repeat
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Multipart | None = None
    on_upload: OnUpload | None = None


def checked_options(kind: type[_Options], **values: object) -> _Options:
    """The options as the contract has them.

    Raises:
        SettingsError: with every value that is not allowed, and why.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        reasons = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'options'}: {each['msg']}" for each in found
        )
        raise SettingsError(f"The options are not valid. {reasons}.") from None


@dataclass(frozen=True, slots=True)
class Requests:
    """Builds requests for one server."""

    settings: Settings
    timeouts: Timeouts

    def predict(
        self, upload: Upload, options: PredictOptions, on_upload: OnUpload | None
    ) -> Request:
        """Post a clip; `options.stream` tells the two kinds of answer apart."""
        body = Multipart(
            [
                Part("options", options.model_dump_json().encode(), media_type=_JSON),
                Part("data", upload, filename=upload.name),
            ]
        )
        url = f"{self.settings.base_url}/predictions/affect"
        return Request(
            operation="stream" if options.stream else "predict",
            method="POST",
            url=url,
            headers=self._headers(url, body),
            body=body,
            on_upload=on_upload,
            begin_s=self.timeouts.answer_s,
            go_on_s=self.timeouts.stream_s if options.stream else self.timeouts.read_s,
            repeat=Repeat.ALWAYS,
        )

    def live(
        self,
        parts: Sequence[Part],
        options: LiveOptions,
        sequence: Mapping[str, str],
        repeat: Repeat,
    ) -> Request:
        """Post frames, a short clip, or the end of a live session."""
        written = Part("options", options.model_dump_json().encode(), media_type=_JSON)
        body = Multipart([written, *parts])
        url = f"{self.settings.base_url}/predictions/affect-live"
        return Request(
            operation="live",
            method="POST",
            url=url,
            headers={**self._headers(url, body), **sequence},
            body=body,
            begin_s=self.timeouts.live_s,
            go_on_s=self.timeouts.read_s,
            repeat=repeat,
        )

    def health(self) -> Request:
        """Ask how the server is, now: never tried again."""
        return self._get("health", f"{self.settings.base_url}/ping", Repeat.NEVER)

    def models(self) -> Request:
        """The list of models, on one page."""
        return self._get("models", f"{self._management()}/models?limit=1000")

    def model(self, name: str) -> Request:
        """One model's versions and workers."""
        return self._get("models", f"{self._management()}/models/{quote(name, safe='')}")

    def describe(self) -> Request:
        """The model's words on itself, which its worker gives between two pieces of work."""
        url = f"{self.settings.base_url}/predictions/affect"
        return Request(
            operation="describe",
            method="POST",
            url=url,
            headers={**self._headers(url, None), "describe": "True", "Content-Length": "0"},
            begin_s=self.timeouts.answer_s,
            go_on_s=self.timeouts.read_s,
            repeat=Repeat.ALWAYS,
        )

    def metrics(self) -> Request:
        """What Prometheus scrapes."""
        url = self.settings.metrics_url
        if url is None:
            raise SettingsError(
                "metrics_url is not known: base_url is no plain host and port, after whose port "
                "TorchServe's others could be guessed. Pass metrics_url to the client."
            )
        return self._get("metrics", url)

    def _get(self, operation: str, url: str, repeat: Repeat = Repeat.ALWAYS) -> Request:
        return Request(
            operation=operation,
            url=url,
            headers=self._headers(url, None),
            begin_s=self.timeouts.read_s,
            go_on_s=self.timeouts.read_s,
            repeat=repeat,
        )

    def _management(self) -> str:
        url = self.settings.management_url
        if url is None:
            raise SettingsError(
                "management_url is not known: base_url is no plain host and port, after whose "
                "port TorchServe's others could be guessed. Pass management_url to the client."
            )
        return url

    def _headers(self, url: str, body: Multipart | None) -> dict[str, str]:
        headers = {"User-Agent": _user_agent()}
        if (key := self.settings.key_for(url)) is not None:
            headers["Authorization"] = f"Bearer {key}"
        if body is not None:
            headers["Content-Type"] = body.media_type
            if body.length is not None:
                headers["Content-Length"] = str(body.length)
        return headers


@cache
def _user_agent() -> str:
    # A tenth of the time that importing this package takes.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return f"affectline/{version('affectline')}"
    except PackageNotFoundError:
        return "affectline"

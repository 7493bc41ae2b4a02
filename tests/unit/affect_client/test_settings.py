from __future__ import annotations

import math
from dataclasses import fields

import pytest

from affect_client.errors import SettingsError
from affect_client.settings import Settings, Timeouts


def test_argument_then_environment_then_default() -> None:
    environ = {"AFFECT_BASE_URL": "http://env:1", "AFFECT_API_KEY": "of-env"}
    given = Settings.resolve(base_url="http://arg:2", api_key="of-arg", environ=environ)
    assert (given.base_url, given.api_key) == ("http://arg:2", "of-arg")
    found = Settings.resolve(environ=environ)
    assert (found.base_url, found.api_key) == ("http://env:1", "of-env")
    default = Settings.resolve(environ={})
    assert (default.base_url, default.api_key) == ("http://127.0.0.1:8080", None)


def test_empty_variables_are_none_and_an_empty_key_is_no_key() -> None:
    empty = Settings.resolve(environ={"AFFECT_BASE_URL": "", "AFFECT_API_KEY": ""})
    assert (empty.base_url, empty.api_key) == ("http://127.0.0.1:8080", None)
    assert Settings.resolve(api_key="", environ={"AFFECT_API_KEY": "k"}).api_key is None


@pytest.mark.parametrize(
    ("base", "management", "metrics"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081", "http://127.0.0.1:8082/metrics"),
        ("http://[::1]:9000/", "http://[::1]:9001", "http://[::1]:9002/metrics"),
        ("http://torchserve:80", "http://torchserve:81", "http://torchserve:82/metrics"),
        ("http://gateway", None, None),
        ("https://gateway:8443", None, None),
        ("http://gateway:8080/affect", None, None),
    ],
)
def test_torchserve_s_other_ports_are_guessed_only_where_they_can_be(
    base: str, management: str | None, metrics: str | None
) -> None:
    settings = Settings.resolve(base_url=base, environ={})
    assert (settings.management_url, settings.metrics_url) == (management, metrics)
    assert not settings.base_url.endswith("/")


def test_given_ports_win() -> None:
    settings = Settings.resolve(
        base_url="http://h:1", management_url="http://m:5/", metrics_url="http://p/x", environ={}
    )
    assert (settings.management_url, settings.metrics_url) == ("http://m:5", "http://p/x")


@pytest.mark.parametrize(
    "url", ["", "h:8080", "ftp://h", "http://", "http://h:x", "http://h:0", "http://h?q", "/p"]
)
def test_what_is_no_url_is_named(url: str) -> None:
    if url:
        with pytest.raises(SettingsError, match="base_url"):
            Settings.resolve(base_url=url, environ={})
        with pytest.raises(SettingsError, match="AFFECT_BASE_URL"):
            Settings.resolve(environ={"AFFECT_BASE_URL": url})
    for name in ("management_url", "metrics_url"):
        with pytest.raises(SettingsError, match=name):
            Settings.resolve(environ={}, **{name: url})


@pytest.mark.parametrize("key", ["a\nb", " k", "clé", "\x00"])
def test_a_key_that_no_header_holds_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="api_key") as caught:
        Settings.resolve(api_key=key, environ={})
    assert key not in str(caught.value)
    with pytest.raises(SettingsError, match="AFFECT_API_KEY"):
        Settings.resolve(environ={"AFFECT_API_KEY": key})


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.resolve(base_url="http://me:hunter2@h", environ={})
    assert "hunter2" not in str(caught.value)


def test_the_key_is_for_the_base_url_s_origin_and_never_shown() -> None:
    settings = Settings.resolve(base_url="https://h/api", api_key="secret", environ={})
    assert settings.key_for("https://h/api/predictions/affect") == "secret"
    assert settings.key_for("https://h/metrics") == "secret"
    for other in ("http://h/x", "https://h:8081/x", "https://evil/x"):
        assert settings.key_for(other) is None
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("name", [each.name for each in fields(Timeouts)])
@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan])
def test_waits_are_positive_and_finite(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=name):
        Timeouts(**{name: value})


def test_the_wait_for_an_answer_is_longer_than_torchserve_s_own() -> None:
    # `responseTimeout` of the archive's model-config.yaml; a contract test holds that.
    assert Timeouts().answer_s > 1860
    assert Timeouts().read_s < 60

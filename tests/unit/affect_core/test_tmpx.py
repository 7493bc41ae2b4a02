from tests.unit.affect_core.test_inference import *


def test_x(alone):
    print(alone)
    assert 0

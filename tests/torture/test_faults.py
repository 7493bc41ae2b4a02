"""Everything that goes wrong with a machine is got over within 15 seconds, and costs no call."""

from __future__ import annotations

from pathlib import Path

import pytest

from torture.faults import FAULTS, Fault, undergo
from torture.sick import HEALTHY_WITHIN_S


@pytest.mark.torture
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_after_a_fault_all_is_well_again(fault: Fault, small_store: Path, tmp_path: Path) -> None:
    why = fault.missing()
    if why is not None:
        pytest.skip(why)
    suffered = undergo(fault, small_store, tmp_path)
    assert suffered.calls > 3
    assert (suffered.lost, suffered.wrong) == ([], 0)
    assert suffered.healthy_s <= HEALTHY_WITHIN_S

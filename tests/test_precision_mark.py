"""A table marks the runs whose products were less precise than all others'."""

import pytest
import synthetic

from reproduce import cells, render
from reproduce.configuration import preset_configuration

EXPERIMENT = "table1/asr-13"
FULL, LESS = "float32", "tensorfloat32"


def cell(precision, trained_by=()):
    record, _ = synthetic.record_of(preset_configuration(EXPERIMENT, epochs=300))
    if precision:  # records of `reproduce.run` do not name theirs
        record["environment"]["precision"] = precision
    if trained_by:
        record["trained_by"] = [{"first_step": 0, "precision": p} for p in trained_by]
    plain, _ = synthetic.record_of(preset_configuration(EXPERIMENT, epochs=300))
    return cells.Cell(EXPERIMENT, epochs=300, complete=(plain, record))


@pytest.mark.parametrize(
    "found, marked",
    [
        (cell(None), False),
        (cell(FULL), False),
        (cell(LESS), True),
        (cell(FULL, [LESS, FULL]), True),  # its first epochs alone
        (cell(FULL, [FULL, FULL]), False),
    ],
)
def test_tensorfloat32_is_marked_and_explained(found, marked):
    assert ("≈" in render.marks(found)) == marked
    for page in (render.terminal, render.markdown):
        text = page("table1", [found], [], "COMMAND")
        assert ("≈ matrix products in TensorFloat-32" in text) == marked

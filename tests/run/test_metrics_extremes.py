"""IoU of extreme boxes: a share, whatever they are."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from reproduce.run import metrics

LENGTH = st.one_of(st.floats(0, 60), st.sampled_from([0.0, 1e-300, 1e-30, 1e6, 1e30]))
PLACE = st.one_of(st.floats(-60, 60), st.sampled_from([0.0, -1e6, 1e6, 1e30]))
BOXES = st.lists(st.tuples(PLACE, PLACE, LENGTH, LENGTH), max_size=4)


@given(BOXES, BOXES, st.booleans())
@example([(-1e6, 0.0, 1e-7, 1.0)], [(-1e6, 0.0, 1e-7, 1.0)], False)
def test_iou_is_a_share_whatever_the_boxes(first, second, inclusive):
    first, second = (np.array(boxes).reshape(-1, 4) for boxes in (first, second))
    iou = metrics.intersection_over_union(first, second, inclusive)
    assert np.all(np.isfinite(iou)) and np.all((iou >= 0) & (iou <= 1 + 1e-9))
    swapped = metrics.intersection_over_union(second, first, inclusive)
    np.testing.assert_allclose(iou, swapped.T, rtol=1e-9)
    miou = metrics.mean_intersection_over_union(first, second, inclusive)
    assert 0 <= miou <= 1 + 1e-9

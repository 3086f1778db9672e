"""Numbers of things and lengths of time in words."""

import pytest

from reproduce.words import count_of, duration


@pytest.mark.parametrize(
    "seconds, words",
    [(0.2, "1 s"), (89, "89 s"), (100, "2 min"), (3_569, "59 min")]
    + [(3_570, "1 h 00 min"), (7_500, "2 h 05 min"), (12_000, "3 h 20 min")]
    + [(172_000, "47 h 47 min"), (200_000, "2 d 7 h")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_counts():
    assert [count_of(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]

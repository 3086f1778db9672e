"""How many runs go at once, and how long a grid of runs will take."""

import os
import statistics

from reproduce import grid

# Of one core of a server of 2020, at batch 64: 98 ms a training step at K = 6.
# The README's benchmark command measures it anew.
SECONDS_PER_IMAGE_AND_STEP = 0.098 / 64 / 6
SECONDS_TO_START = 60  # imports, scenes, compilation
MEMORY_OF_A_RUN = 3e9  # bytes; a run's peak is up to 2.1 GB, the rest is spare


def cores():
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def workers(runs, asked=None):
    """How many of `runs` go at once: as asked, or as cores and memory allow."""
    if asked is None:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        asked = min(cores(), int(pages * size / MEMORY_OF_A_RUN))
    return max(1, min(asked, runs))


def seconds(runs, protocol, cells, at_once):
    """The time to train the runs.

    Args:
      runs: list of `grid.Run`.
      protocol: their `grid.Protocol`.
      cells: `cells.Cell`s whose records tell how fast such runs were.
      at_once: how many go at once.

    Returns:
      Seconds, and words on where the speed is from.
    """
    speeds = {}
    for cell in cells:
        found = [record["images_per_second"] for record in cell.complete]
        if found := [speed for speed in found if speed]:
            speeds[cell.experiment] = statistics.median(found)
    times = []
    for run in runs:
        configuration = grid.configuration(run, protocol)
        speed = speeds.get(run.experiment)
        if speed is None:
            speed = 1 / (SECONDS_PER_IMAGE_AND_STEP * configuration.steps)
        images = configuration.train_images * configuration.epochs
        times.append(SECONDS_TO_START + images / speed)
    known = sum(run.experiment in speeds for run in runs)
    source = "a core's assumed speed"
    if known:
        source = f"the speed in the records for {known} of them"
    return max(sum(times) / at_once, max(times)), source

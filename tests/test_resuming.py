"""Resumed runs equal uninterrupted ones, bit for bit, and read the same data."""

import collections
import itertools
import types

import numpy as np
import pytest
from training_support import BATCH, TRAIN, options, start

from reproduce import checkpoint, evaluation, run_state, training

pytestmark = pytest.mark.usefixtures("compiled_once")


def end_state(run):
    """Everything that must agree: all but the times. The run's, and its file's."""
    arrays, state = checkpoint.load(run.file)
    for index, variable in enumerate(run_state.variables(run.model)):
        np.testing.assert_array_equal(arrays[f"{index:04d}"], variable.numpy())
    assert state["history"] == run.history
    history = [
        {name: value for name, value in row.items() if name != "seconds"}
        for row in state["history"]
    ]
    return arrays, history, state["reported"]


def assert_same(first, second):
    assert first[0].keys() == second[0].keys()
    for name in first[0]:
        np.testing.assert_array_equal(first[0][name], second[0][name], err_msg=name)
    assert first[1:] == second[1:]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The end state of two epochs in one go, by the rule that reports an epoch."""
    found = {}
    for rule in ("last", "lowest_loss"):
        run = start(tmp_path_factory.mktemp(rule), options(reported_epoch=rule))
        run.run("whole")
        found[rule] = end_state(run)
    return found


class Cut(KeyboardInterrupt):
    """Ctrl-C at a moment of the test's choosing."""


@pytest.fixture
def cut(monkeypatch):
    """A function that makes the next runs stop at given moments.

    A moment is (where, count, when): the count-th call of `where` is cut before it
    begins or after it has ended. Calls are counted anew for each run.
    """
    places = {
        "step": (training.Progress, "step"),
        "evaluation": (evaluation.Evaluator, "__call__"),
        "summary": (evaluation, "summary"),
        "figures": (evaluation, "figure_arrays"),
        "saving": (training.checkpoint, "save"),
        "line": (training.Progress, "epoch"),
    }
    state = {"moment": None, "calls": collections.Counter()}

    def watch(place, function):
        def watching(*arguments, **options):
            state["calls"][place] += 1
            moment = (place, state["calls"][place])
            if state["moment"] == (*moment, "before"):
                raise Cut
            result = function(*arguments, **options)
            if state["moment"] == (*moment, "after"):
                raise Cut
            return result

        return watching

    for place, (owner, name) in places.items():
        monkeypatch.setattr(owner, name, watch(place, getattr(owner, name)))

    def set_moment(moment):
        state["moment"] = moment
        state["calls"].clear()

    return set_moment


def run_with_cuts(root, configuration, cut, moments, saves):
    """Runs to the end through the cuts; each time a new model in a new run.

    `saves`: whether the interrupted run saves its state, as Ctrl-C makes the
    command do, or dies without, as a power cut would.
    """
    for moment in moments:
        run = start(root, configuration)
        cut(moment)
        with pytest.raises(Cut):
            run.run("cut")
        cut(None)
        if saves:
            assert run.save()
    run = start(root, configuration)
    run.run("last")
    return run


MOMENTS = [
    ("step", 1, "after"),
    ("step", 2, "after"),
    ("step", 3, "after"),  # the epoch is trained, not evaluated
    ("evaluation", 1, "before"),
    ("evaluation", 1, "after"),  # evaluated, not in the history
    ("saving", 1, "before"),  # in the history, not on the disk
    ("saving", 1, "after"),
    ("line", 1, "after"),
    ("step", 5, "after"),
    ("evaluation", 2, "after"),
    ("summary", 1, "after"),
    ("figures", 1, "before"),
    ("saving", 2, "before"),
]


@pytest.mark.parametrize(
    "moment, saves",
    [(moment, True) for moment in MOMENTS] + [(m, False) for m in MOMENTS[5::4]],
    ids=lambda value: str(value).replace("'", ""),
)
def test_a_run_that_was_cut_equals_one_that_was_not(
    tmp_path, cut, uninterrupted, moment, saves
):
    """Bit for bit: weights, optimiser, running means, history, figures."""
    run = run_with_cuts(tmp_path, options(), cut, [moment], saves)
    assert_same(end_state(run), uninterrupted["last"])


@pytest.mark.parametrize("rule", ["last", "lowest_loss"])
def test_a_run_cut_again_and_again_equals_one_that_was_not(
    tmp_path, cut, uninterrupted, rule
):
    """At random moments; counts begin anew in each process."""
    stream = np.random.default_rng(1)
    moments = [
        ("step", int(stream.integers(1, 3)), "after"),
        ("evaluation", 1, str(stream.choice(["before", "after"]))),
        ("step", 1, "after"),
        ("saving", 1, "before"),
    ]
    configuration = options(reported_epoch=rule)
    run = run_with_cuts(tmp_path, configuration, cut, moments, saves=True)
    assert_same(end_state(run), uninterrupted[rule])


def test_the_time_of_an_interrupted_epoch_is_in_the_history(tmp_path, cut, monkeypatch):
    """On a clock that moves by a second whenever it is read."""
    clock = types.SimpleNamespace(perf_counter=itertools.count().__next__)
    monkeypatch.setattr(training, "time", clock)
    moments = [("step", 2, "after"), ("evaluation", 1, "before"), ("step", 2, "after")]
    run = run_with_cuts(tmp_path, options(), cut, moments, saves=True)
    assert min(row["seconds"] for row in run.history) > 0
    # From the last row to the last checkpoint a second passed.
    assert run.seconds == sum(row["seconds"] for row in run.history) + 1


def test_one_epoch_continued_to_two_equals_two(tmp_path, uninterrupted):
    first = start(tmp_path, options(epochs=1))
    first.run("one")
    assert first.finished and first.reported["epoch"] == 1
    second = start(tmp_path, options())
    assert second.resumed_from == first.file and second.taken == 3
    second.run("two")
    assert_same(end_state(second), uninterrupted["last"])
    # The shorter run's checkpoint remains its own.
    assert len(checkpoint.load(first.file)[1]["history"]) == 1


def test_a_longer_or_other_run_is_no_starting_point(tmp_path):
    run = start(tmp_path, options(epochs=2))
    run.save()
    assert start(tmp_path, options(epochs=1)).resumed_from is None
    assert start(tmp_path, options(epochs=3, seed=1)).resumed_from is None
    assert start(tmp_path, options(epochs=3, clip_norm=0.5)).resumed_from is None
    stray = run.file.parent.parent / "backup"
    stray.mkdir()
    (stray / checkpoint.NAME).write_bytes(b"no run's")
    assert start(tmp_path, options(epochs=3)).resumed_from == run.file
    assert start(tmp_path, options(epochs=3), fresh=True).resumed_from is None


def test_a_finished_run_has_nothing_left_to_do(tmp_path, monkeypatch):
    run = start(tmp_path, options(epochs=1))
    run.run("whole")
    content = run.file.read_bytes()
    again = start(tmp_path, options(epochs=1))
    assert again.finished
    again.run("again")
    assert again.file.read_bytes() == content and again.history == run.history


# The order of the data.


def test_each_epoch_visits_its_own_order_and_drops_its_own_remainder(
    tmp_path, cut, monkeypatch
):
    """No image twice; 12 of 15 an epoch; a resumed epoch goes on where it was."""
    monkeypatch.setattr(training.Training, "_end_epoch", lambda self, _: end(self))

    def end(run):  # the steps alone matter here
        run.history.append({"epoch": len(run.history) + 1})

    def visited(root, moments):
        batches = []
        configuration = options(epochs=4)
        for moment in [*moments, None]:
            run = start(root, configuration)
            step = run.train_step

            def recording(images, step=step):
                batches.append(images.numpy()[:, 0, 0].tolist())
                return step(images)

            run.train_step = recording
            cut(moment)
            try:
                run.run("visit")
            except Cut:
                cut(None)
                run.save()
        return batches

    batches = visited(tmp_path / "whole", [])
    assert [len(batch) for batch in batches] == [BATCH] * 12
    epochs = [list(itertools.chain(*batches[e : e + 3])) for e in range(0, 12, 3)]
    assert all(len(set(epoch)) == 12 for epoch in epochs)
    left_over = [frozenset(range(TRAIN)) - set(epoch) for epoch in epochs]
    assert len(set(left_over)) > 1 and len(set(map(tuple, epochs))) == 4
    assert visited(tmp_path / "cut", [("step", 2, "after")]) == batches

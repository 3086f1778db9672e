"""The training loop: resumed runs equal uninterrupted ones, bad values stop it."""

import collections
import io
import itertools

import keras
import model_support
import numpy as np
import pytest
import tensorflow as tf

import asr
import data
from air import noise
from reproduce import build, checkpoint, evaluation, run_state, training
from reproduce.configuration import preset_configuration
from reproduce.errors import NonFiniteError

BATCH, TRAIN, TEST = 4, 15, 6  # 3 steps an epoch, 3 images left over


@pytest.fixture(autouse=True, scope="module")
def compiled_once():
    """Runs share one model and its compiled functions; others' functions are eager.

    Compiling by XLA for each run would take longer than all these runs. A run
    that begins finds every variable of the shared model at its initial value.
    """
    whole = tf.function
    compiled = {}

    def function(method, **options):
        model = method.__self__
        if not any(model is shared for shared, _ in SHARED.values()):
            return method
        key = id(model), method.__name__
        if key not in compiled:
            compiled[key] = whole(method, **options)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf, "function", function)
        yield


def options(epochs=2, **changes):
    changes = {
        "batch_size": BATCH,
        "train_images": TRAIN,
        "test_images": TEST,
    } | changes
    return preset_configuration("table1/asr-13", epochs=epochs, **changes)


def scenes(digest="d", seed=0):
    """Random scenes; every training image has its number in its first pixel."""
    images = model_support.random_images(TRAIN + TEST, seed)
    images[:, 0, 0] = np.arange(TRAIN + TEST)
    counts = np.resize([1, 3], TRAIN + TEST).astype(np.int32)
    boxes = np.tile(np.float32([2, 3, 5, 5]), (TRAIN + TEST, 3, 1))
    boxes *= (np.arange(3) < counts[:, None])[..., None]
    train, test = (
        data.SceneSet(images[part], counts[part], boxes[part])
        for part in (slice(TRAIN), slice(TRAIN, None))
    )
    return data.Scenes(train, test, digest)


SHARED = {}  # models that take no further constraints, and their initial values


def tiny(configuration, constraints=()):
    """A run's model as `build_model` makes it, with tiny networks."""
    if constraints:
        return new_model(configuration, constraints)
    key = configuration.seed, configuration.count_rule
    if key not in SHARED:
        model = new_model(configuration, ())
        SHARED[key] = model, [variable.numpy() for variable in every_variable(model)]
    model, initial = SHARED[key]
    for variable, value in zip(every_variable(model), initial, strict=True):
        variable.assign(value)
    return model


def every_variable(model):
    return [
        *(*model.trainable_variables, model.iteration, *model.optimizer.variables),
        *(variable for metric in model.metrics for variable in metric.variables),
    ]


def new_model(configuration, constraints):
    regulariser = asr.number_regulariser((1, 3))
    model = model_support.tiny_model(
        regulariser=asr.Regulariser([*regulariser.constraints, *constraints]),
        count_rule=configuration.count_rule,
        seed=configuration.seed,
    )
    optimizer = keras.optimizers.Adam(1e-2, epsilon=1e-8, clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer)
    return model


def start(root, configuration, constraints=(), **changes):
    """A new run, as a new process would make it, with a new model."""
    model = tiny(configuration, constraints)
    folder = checkpoint.folder_of(root, configuration)
    arguments = {"scenes": scenes()} | changes
    return training.Training(configuration, model, folder=folder, **arguments)


def end_state(run):
    """Everything that must agree: all but the times. The run's, and its file's."""
    arrays, state = checkpoint.load(run.file)
    for index, variable in enumerate(run._variables()):
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


def test_history_has_one_finite_row_an_epoch(uninterrupted):
    _, history, reported = uninterrupted["last"]
    assert [row["epoch"] for row in history] == [1, 2]
    assert reported["epoch"] == 2
    for row in history:
        assert all(np.isfinite(value) for value in row.values())
        terms = [
            *("reconstruction", "kl_location", "kl_scale", "kl_appearance"),
            "kl_presence",
        ]
        for part in ("train", "test"):
            total = sum(row[f"{part}_{name}"] for name in terms)
            assert row[f"{part}_nelbo"] == pytest.approx(total, rel=1e-5)
        penalty = 10 * row["train_allowed_count"] + 100 * row["train_marginal_count"]
        assert row["train_penalty"] == pytest.approx(penalty, rel=1e-5)
        loss = row["train_nelbo"] + row["train_penalty"]
        assert row["train_loss"] == pytest.approx(loss, rel=1e-5)
    for name in ("nelbo", "se", "acc", "miou", "miou_integer_convention"):
        assert reported["metrics"][name] == history[1][f"test_{name}"]


def test_the_lowest_training_loss_chooses_the_reported_epoch(tmp_path):
    run = start(tmp_path, options(reported_epoch="lowest_loss"))
    losses = [5.0, 3.0, 4.0, 3.0, 2.0]
    best = []
    for epoch, loss in enumerate(losses):
        row = {"epoch": epoch + 1, "train_loss": loss}
        if run_state.is_reported(run, row):
            best.append(epoch + 1)
        run.history.append(row)
    assert best == [1, 2, 5]


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


def test_noise_differs_between_steps_and_follows_the_run_seed(tmp_path, monkeypatch):
    run = start(tmp_path, options())
    draws = []
    draw = run.model.draw_noise

    def recording(seed, batch):
        draws.append(np.asarray(seed).tolist())
        return draw(seed, batch)

    monkeypatch.setattr(run.model, "draw_noise", recording)
    images = tf.constant(run.images[:BATCH])
    for _ in range(3):
        run.model.train_step(images)
    expected = [
        noise.fold_in(noise.run_seed(0), tf.constant(t, tf.int64)).numpy().tolist()
        for t in range(3)
    ]
    assert draws == expected and len(set(map(tuple, draws))) == 3


# Checkpoints that cannot be used.


@pytest.fixture(scope="module")
def good_bytes(tmp_path_factory):
    """A checkpoint's file after the steps of one of two epochs."""
    run = start(tmp_path_factory.mktemp("good"), options())
    run._train_epoch(training.Progress("x", 2, 3, stream=io.StringIO()))
    run.save()
    return run.file.read_bytes()


def refused(root, content, configuration=None, **changes):
    """The error of resuming from a file of this content; it must be one line."""
    configuration = configuration or options()
    file = checkpoint.folder_of(root, configuration) / checkpoint.NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    with pytest.raises(checkpoint.CheckpointError) as caught:
        start(root, configuration, **changes)
    text = str(caught.value)
    assert checkpoint.NAME in text and "--retrain" in text and "\n" not in text
    assert file.read_bytes() == content  # nothing is lost
    return text


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path, good_bytes, share):
    content = good_bytes[: int(share * len(good_bytes))]
    assert "damaged" in refused(tmp_path, content)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    archive, array = io.BytesIO(), io.BytesIO()
    np.savez(archive, other=np.zeros(3))
    np.save(array, np.zeros(3))
    for content in (b"not an archive", archive.getvalue(), array.getvalue()):
        assert "not a checkpoint" in refused(tmp_path, content)


def test_a_changed_byte_is_refused_or_changes_nothing(tmp_path, good_bytes):
    """Everywhere in the file, its headers and its directory."""
    file = tmp_path / "state.npz"
    file.write_bytes(good_bytes)
    arrays, state = checkpoint.load(file)
    stream = np.random.default_rng(0)
    places = np.concatenate(
        [
            np.arange(0, 160),  # the first entry's headers
            stream.integers(0, len(good_bytes), 100),
            np.arange(len(good_bytes) - 120, len(good_bytes)),  # the directory
        ]
    )
    errors = 0
    for place in places:
        content = bytearray(good_bytes)
        content[place] ^= int(stream.integers(1, 256))
        file.write_bytes(content)
        try:
            found, found_state = checkpoint.load(file)
        except checkpoint.CheckpointError:
            errors += 1
            continue
        # Fields such as a file's date hold nothing of the run. An entry may be
        # lost or renamed: the run then finds that the model is another one.
        assert found_state == state
        for name in set(found) & set(arrays):
            np.testing.assert_array_equal(found[name], arrays[name])
    assert errors > len(places) / 2


def test_a_checkpoint_of_other_options_is_refused(tmp_path, good_bytes):
    """Put by hand where another run looks for its own."""
    other = options(learning_rate=1e-2)
    assert "another configuration" in refused(tmp_path, good_bytes, other)


def test_a_checkpoint_of_other_scenes_is_refused(tmp_path, good_bytes):
    found = refused(tmp_path, good_bytes, scenes=scenes(digest="e"))
    assert "other scenes" in found


def test_a_checkpoint_of_another_model_is_refused(tmp_path, good_bytes):
    more = [asr.Constraint("overlap", asr.PairOverlap())]
    found = refused(tmp_path, good_bytes, constraints=more)
    assert "another model" in found


def test_a_good_checkpoint_restores_every_variable(tmp_path, good_bytes):
    file = checkpoint.folder_of(tmp_path, options()) / checkpoint.NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(good_bytes)
    run = start(tmp_path, options())
    assert run.taken == 3 and run.resumed_from == file
    arrays, _ = checkpoint.load(file)
    for index, variable in enumerate(run._variables()):
        np.testing.assert_array_equal(variable.numpy(), arrays[f"{index:04d}"])
    model = run.model
    kept = {id(variable) for variable in run._variables()}
    assert {id(variable) for variable in every_variable(model)} == kept
    # Nothing of the model but unused seeds is outside the state.
    assert {id(v) for v in model.variables} <= kept


# Values that are not finite.


def turning(step, value):
    """A constraint whose value, or whose gradient alone, is bad from a step on."""
    calls = []

    def functional(posterior):
        calls.append(1)
        if len(calls) < step:
            return tf.zeros_like(posterior.side[:, 0])
        if value == "gradient":  # sqrt(0): a finite value, a slope that is not
            return 1.0 + tf.sqrt(0.0 * posterior.side[:, 0])
        return value * posterior.side[:, 0]

    return [asr.Constraint("turning", functional)]


@pytest.mark.parametrize(
    "value, term",
    [(np.nan, "turning"), (np.inf, "turning"), ("gradient", "gradient_norm")],
)
def test_a_value_that_is_not_finite_stops_at_once(tmp_path, value, term):
    """It names term, step, epoch and seed; the last good checkpoint remains."""
    configuration = options(seed=7)
    run = start(tmp_path, configuration, turning(5, value))
    with pytest.raises(NonFiniteError) as caught:
        run.run("bad")
    text = str(caught.value)
    assert text == f"{term} is not finite at step 5 (epoch 2), seed 7"
    assert run.taken == 5
    content = run.file.read_bytes()
    assert run.save() is False and run.file.read_bytes() == content
    again = start(tmp_path, configuration, turning(1000, value))
    assert again.taken == 3 and len(again.history) == 1
    for variable in again.model.trainable_variables:
        assert np.all(np.isfinite(variable.numpy()))


def test_a_test_figure_that_is_not_finite_stops_the_run(tmp_path, monkeypatch):
    evaluate = evaluation.Evaluator.__call__

    def bad(self):
        figures, arrays = evaluate(self)
        return {**figures, "kl_scale": np.inf}, arrays

    monkeypatch.setattr(evaluation.Evaluator, "__call__", bad)
    run = start(tmp_path, options())
    with pytest.raises(NonFiniteError, match="kl_scale of the test .* epoch 1, seed 0"):
        run.run("bad")
    assert run.history == [] and not run.file.exists()


# Evaluation.


def test_padding_the_last_batch_changes_nothing():
    """6 images in batches of 4 are as the first 6 of 8 full of other images."""
    model = model_support.noisy_weights(tiny(options()), 1.0)
    images = model_support.random_images(8)
    evaluator = evaluation.Evaluator(model, None, BATCH)
    short, full = evaluator.predict(images[:6]), evaluator.predict(images)
    assert set(short) == set(full)
    for name in short:
        assert len(short[name]) == 6
        np.testing.assert_allclose(short[name], full[name][:6], rtol=1e-5, atol=1e-5)


def test_all_test_images_count_and_once_each():
    model = model_support.noisy_weights(tiny(options()), 1.0)
    truth = scenes().test
    figures, arrays = evaluation.Evaluator(model, truth, BATCH)()
    assert all(len(value) == TEST for value in arrays.values())
    assert figures["nelbo"] == pytest.approx(np.mean(arrays["nelbo"]), rel=1e-6)
    errors = (truth.images / 255 - arrays["reconstructions"]) ** 2
    assert figures["se"] == pytest.approx(errors.sum() / TEST, rel=1e-5)
    right = np.sum(arrays["counts"] == truth.counts)
    assert figures["acc"] == pytest.approx(right / TEST)
    assert figures["mean_count"] == pytest.approx(arrays["counts"].sum() / TEST)


def test_evaluation_repeats_exactly_and_draws_anew_for_each_batch():
    model = model_support.noisy_weights(tiny(options()), 1.0)
    images = np.repeat(model_support.random_images(1), 2 * BATCH, axis=0)
    evaluator = evaluation.Evaluator(model, None, BATCH)
    first, second = evaluator.predict(images), evaluator.predict(images)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    # Equal images, unequal samples of z: within a batch and between batches.
    assert len(np.unique(first["kl_appearance"])) == 2 * BATCH


def test_summary_describes_counts_and_samples():
    model = model_support.noisy_weights(tiny(options()), 1.0)
    truth = scenes().test
    arrays = evaluation.Evaluator(model, truth, BATCH).predict(truth.images)
    arrays["counts"] = np.array([0, 1, 1, 3, 2, 1])
    found = evaluation.summary(model, truth, arrays)
    assert found["count_histogram"] == [1, 3, 1, 1]
    assert found["one_step_share"] == 0.5
    assert 0 <= found["overlapping_pairs_in_samples"] <= 1
    # Counts (3, 1, 3, 1, 3, 1) are true; boxes coincide, so all pairs are at 0.
    assert found["too_few_by_distance"]["scenes"][0] == 3
    assert found["too_few_by_distance"]["too_few"][0] == 3
    assert found["too_few_by_count"] == {"3": found["too_few_by_distance"]}


# Building a run's model.


@pytest.mark.parametrize(
    "experiment, preset, classes",
    [
        ("table1/air-13", "paper", ("FixedPrior", "ExactEstimator")),
        ("table1/pprior-13", "paper", ("LearnedPrior", "ExactEstimator")),
        ("table1/asr-24", "released", ("LearnedPrior", "ConcreteEstimator")),
        ("table2/air-mnist", "paper", ("FixedPrior", "FixedCountEstimator")),
        ("table2/asr-dsprites", "paper", ("LearnedPrior", "FixedCountEstimator")),
        ("table2/asr-mnist", "released", ("LearnedPrior", "ConcreteEstimator")),
    ],
)
def test_a_model_is_built_as_its_options_say(experiment, preset, classes):
    configuration = preset_configuration(experiment, preset, seed=5)
    model = build.build_model(configuration)
    assert (type(model.prior).__name__, type(model.estimator).__name__) == classes
    assert model.canvas_side == (64 if "dsprites" in experiment else 50)
    fixed = configuration.fixed_count
    assert model.steps == (3 if fixed else 6)
    assert (model.seed, model.init_seed) == (5, 5)
    optimizer = model.optimizer
    rate = 1e-3 if preset == "paper" else 1e-4
    assert float(optimizer.learning_rate) == pytest.approx(rate)
    assert (optimizer.beta_1, optimizer.beta_2) == (0.9, 0.999)
    assert (optimizer.epsilon, optimizer.clipnorm) == (1e-8, 1.0)
    assert model.jit_compile is True
    if "asr" in experiment:
        first = model.regulariser.constraints[0].functional
        number = asr.UnaryAllowedCount((2, 4)) if preset == "released" else None
        assert first == (number if "table1" in experiment else asr.PairOverlap())
        bounds = {c.name: c.functional for c in model.regulariser.constraints}
        if "side_bounds" in bounds:
            smallest = 12.0 if "dsprites" in experiment else 11.0
            expected = asr.BoundedSide(smallest, 15.0, preset == "released")
            assert bounds["side_bounds"] == expected
    else:
        assert model.regulariser is None

"""Training, evaluation and sampling of several runs as pure functions of tensors.

A model's own code reads its variables; `keras.StatelessScope` gives it the
tensors of one run in their place, and `tf.vectorized_map` turns that into all
runs at once, so that a product of matrices becomes one batched product. Adam, the loop
and the objective's sum over named parts are written anew here. Every tensor of the
state has the runs as its first axis.
"""

import keras
import tensorflow as tf

from air import noise as noises
from air.descent import EVALUATION_SEED
from air.early_end import loop_may_end
from air.model import TERMS
from asr import Posterior
from reproduce.exported.adam import adam, inner_axes

SHOWN = ("boxes", "counts", "squared_error", "nelbo", *TERMS)  # of every image


class Runs:
    """Several runs whose models differ in their regularisers alone.

    Attributes:
      models: one compiled `air.AIR` an experiment.
      sizes: the number of runs of each experiment; runs of one are neighbours.
      state: the variables that make up a run's state, of the first model: the
        trainable ones, the iteration, Adam's.
      parts: names of what a training step measures, over all experiments.
    """

    def __init__(self, models, sizes, batch_size):
        """Takes the models' structure; their weights are arguments of the programs.

        Args:
          models: one compiled `air.AIR` an experiment.
          sizes: number of runs of each.
          batch_size: images a step.

        Raises:
          ValueError: if the models differ in more than their regularisers, or the
            optimiser is not Adam with clipping by norm.
        """
        if any(_structure(model) != _structure(models[0]) for model in models):
            raise ValueError("the models differ in more than their regularisers")
        self.models, self.sizes, self.batch_size = models, sizes, batch_size
        self.model = models[0]
        self.adam = adam(self.model.optimizer)
        self.count = sum(sizes)
        self.trainable = self.model.trainable_variables
        self.state = [
            *self.trainable,
            self.model.iteration,
            *self.model.optimizer.variables,
        ]
        names = [name for model in models for name in model.trackers]
        names = [name for name in dict.fromkeys(names) if name != "gradient_norm"]
        self.parts = [*names, "gradient_norm"]
        self.penalties = [n for n in names if n not in ("loss", "nelbo", *TERMS)]

    def train(self, images, order, seeds, alive, first, last, *state):
        """Trains the batches `first` to `last` - 1 of an epoch.

        Stops early, after the step in which the loss or the gradient of a run that
        is alive was not finite.

        Args:
          images: all training images, uint8. Shape [images, S, S].
          order: rows of `images`, int32. Shape [steps, runs, batch].
          seeds: int32 seeds of the runs. Shape [runs, 2].
          alive: bool, whether a run counts. Shape [runs].
          first, last: int32. Shape [].
          *state: tensors of `self.state`, each with the runs as its first axis.

        Returns:
          next: the step after the last one that was taken, int32. Shape [].
          latest: `parts` of that one. Shape [runs, parts].
          sums: `parts`, summed over the steps taken. Shape [runs, parts].
          *state: as it is then.
        """

        def goes_on(step, latest, *_):
            bad = ~tf.math.is_finite(latest[:, 0] + latest[:, -1])
            return (step < last) & ~tf.reduce_any(alive & bad)

        def body(step, _, sums, *state):
            batch = tf.gather(images, order[step])
            latest, state = self.step(batch, seeds, state)
            return (step + 1, latest, sums + latest, *state)

        nothing = tf.zeros([self.count, len(self.parts)])
        return tf.while_loop(goes_on, body, (first, nothing, nothing, *state))

    def step(self, images, seeds, state):
        """One training step of every run, as `AIR.train_step` takes it.

        Args:
          images: uint8. Shape [runs, batch, S, S].
          seeds: int32 seeds of the runs. Shape [runs, 2].
          state: tensors of `self.state`.

        Returns:
          parts: shape [runs, parts].
          state: after the step.
        """
        weights, iteration, slots = self._split(state)
        noise = self._noise(seeds, iteration)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            parts = self._objective(weights, iteration, noise, images)
            total = tf.reduce_sum(parts["loss"])
        gradients = tape.gradient(total, weights)
        squares = [tf.reduce_sum(tf.square(g), inner_axes(g)) for g in gradients]
        parts["gradient_norm"] = tf.sqrt(tf.add_n(squares))
        weights, slots = self.adam(weights, gradients, slots)
        none = tf.zeros_like(parts["loss"])
        parts = tf.stack([parts.get(name, none) for name in self.parts], axis=1)
        return parts, [*weights, iteration + 1, *slots]

    def evaluate(self, images, rows, seeds, *state):
        """Infers the scenes of the test images, as `AIR.call` does.

        Args:
          images: all test images, uint8. Shape [images, S, S].
          rows: rows of `images`, int32. Shape [batches, runs, batch].
          seeds: `evaluation_seeds`. Shape [batches, 2].
          *state: trainable tensors and the iteration.

        Returns:
          The arrays `SHOWN` of every image, each of shape [batches, runs, batch,
          ..], and the first batch's reconstructions, [runs, batch, S, S].
        """
        weights, iteration = list(state[:-1]), state[-1]

        def infer(batch):
            seed = seeds[batch]

            def one_run(weights, iteration, images):
                with self._scope(weights, iteration):
                    return self.model.call(images, seed)

            return self._each(
                one_run, weights, iteration, tf.gather(images, rows[batch])
            )

        def one_batch(batch):
            scenes = infer(batch)
            return tuple(scenes[name] for name in SHOWN)

        types = tuple(tf.int32 if name == "counts" else tf.float32 for name in SHOWN)
        arrays = tf.map_fn(
            one_batch, tf.range(rows.shape[0]), fn_output_signature=types
        )
        return (*arrays, infer(0)["reconstructions"])

    def sample(self, seed, samples, *state):
        """Samples scenes from the prior of every run, as `AIR.generate` does.

        TensorFlow folds the noise into constants, so that it is drawn without XLA,
        as a run does it.

        Args:
          seed: an integer.
          samples: how many.
          *state: trainable tensors and the iteration.

        Returns:
          images, counts and boxes. Shape [runs, samples, ..] each.
        """

        def one_run(weights, iteration):
            with self._scope(weights, iteration):
                return self.model.sample(samples, seed)

        scenes = self._each(one_run, list(state[:-1]), state[-1])
        return scenes["images"], scenes["counts"], scenes["boxes"]

    def _objective(self, weights, iteration, noise, images):
        """`AIR.objective` of every run: a dict of tensors of shape [runs]."""

        def one_run(weights, iteration, noise, images):
            model = self.model
            with self._scope(weights, iteration):
                latents, inference = model.infer(
                    model.grey(images), noises.Noise(**noise), iteration
                )
                terms = model.estimator.terms(inference)
                posterior = model.posterior(latents, inference)._asdict()
            del posterior["canvas_side"]
            terms = {name: tf.reduce_mean(terms[name]) for name in TERMS}
            return terms, posterior

        parts, posterior = self._each(one_run, weights, iteration, noise, images)
        nelbo = tf.add_n([parts[name] for name in TERMS])
        penalties = self._penalties(posterior)
        loss = nelbo + penalties["penalty"] if penalties else nelbo
        return {"loss": loss, "nelbo": nelbo, **parts, **penalties}

    def _penalties(self, posterior):
        """What comes with a regulariser, of every run; 0 where a run lacks a name."""
        pieces, first = {name: [] for name in self.penalties}, 0
        for model, size in zip(self.models, self.sizes, strict=True):
            own = {name: f[first : first + size] for name, f in posterior.items()}
            first += size
            found = self._regularise(model, own, size) if model.regulariser else {}
            for name in self.penalties:
                pieces[name].append(
                    found.get(name, tf.zeros_like(own["side"][:, 0, 0]))
                )
        return {name: tf.concat(values, axis=0) for name, values in pieces.items()}

    def _regularise(self, model, posterior, size):
        def one_run(posterior):
            seen = Posterior(**posterior, canvas_side=model.canvas_side)
            penalty, violations = model.regulariser(seen)
            found = {"penalty": penalty, **violations}
            if model.early_end is not None:
                logits = seen.presence_logits
                found["ended_early"] = loop_may_end(logits, model.early_end)
            return found

        return _each(one_run, size, posterior)

    def _noise(self, seeds, iteration):
        """Every run's own draws, one after the other: a dict of `Noise`'s fields."""
        draws = [
            self.model.draw_noise(
                noises.fold_in(seeds[run], iteration[run]), self.batch_size
            )._asdict()
            for run in range(self.count)
        ]
        return {
            name: tf.stack([draw[name] for draw in draws])
            for name, value in draws[0].items()
            if value is not None
        }

    def _split(self, state):
        """Weights, iteration and Adam's variables of a state."""
        number = len(self.trainable)
        return list(state[:number]), state[number], list(state[number + 1 :])

    def _scope(self, weights, iteration):
        """The model's variables read as these tensors of one run."""
        variables = [*self.trainable, self.model.iteration]
        values = [*weights, iteration]
        return keras.StatelessScope(list(zip(variables, values, strict=True)))

    def _each(self, function, *arguments):
        return _each(function, self.count, *arguments)


def _each(function, runs, *arguments):
    """`function` of every run's arguments, the runs being each tensor's first axis."""
    if runs == 1:  # nothing to turn into batched operations
        result = function(*tf.nest.map_structure(lambda x: x[0], arguments))
        return tf.nest.map_structure(lambda x: tf.expand_dims(x, 0), result)
    return tf.vectorized_map(
        lambda packed: function(*packed), arguments, fallback_to_while_loop=False
    )


def evaluation_seeds(batches):
    """Seeds of the test set's batches, in every run: int32 [batches, 2].

    Not by XLA, which would give others, and arguments of the program, since
    TensorFlow would fold what follows from a constant without XLA.
    """
    root = noises.run_seed(EVALUATION_SEED)
    return [noises.fold_in(root, batch).numpy().tolist() for batch in range(batches)]


def _structure(model):
    """What the models of one program must share: all but regulariser and seeds."""
    config = model.get_config()
    # Exported programs run the whole loop over objects, and note where it may end.
    for name in ("regulariser", "seed", "init_seed", "name", "early_end"):
        config.pop(name, None)
    prior = dict(config["prior"]["config"])
    ignored = ["seed", "name"]
    if not prior["count_log_odds"]:
        ignored.append("count")  # which nothing reads then
    config["prior"] = {n: value for n, value in prior.items() if n not in ignored}
    optimizer = model.optimizer.get_config()
    return config, {**optimizer, "name": None}

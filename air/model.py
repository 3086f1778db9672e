"""AIR and AIR-pPrior as one Keras model; AIR-ASR by a regulariser.

AIR          AIR(prior=FixedPrior())
AIR-pPrior   AIR(prior=LearnedPrior())
AIR-ASR      AIR(prior=LearnedPrior(), regulariser=asr.number_regulariser((1, 3)))
"""

import math
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from air import loop, shapes, stick_breaking
from air import noise as noises
from air.elbo import (
    TERMS,
    ElboInputs,
    Estimator,
    ExactEstimator,
    LikelihoodInputs,
    attribute_divergences,
)
from air.generation import Decoder, compose, drawn_boxes
from air.likelihood import BernoulliLikelihood, Likelihood
from air.networks import kernel_seeds
from air.options import (
    check_compiled,
    check_options,
    check_precision,
    check_seed,
    whole_number,
)
from air.prior import FixedPrior, Prior
from air.recognition import RecognitionModel
from air.shapes import DEFAULT_SIZES, Sizes
from air.spatial_transformer import HatSampler, Sampler
from air.steps import grey_range, images_of, watched
from asr import Posterior

EVALUATION_SEED = 20_191_208  # of the one sample of z that predictions draw


class State(NamedTuple):
    """What is known of a batch's scenes once n objects were taken.

    Attributes:
      recognition: the recognition model's state, an `LSTMState`.
      prior: the prior's.
      objects: their "latents", "divergences" and "canvases", see `ElboInputs` and
        `LikelihoodInputs`. Shape [batch, n, ...] each. () before the first.
      logits: log-odds of z_pres under q and p, of the next object too if there may be
        one. Shape [batch, n + 1] or [batch, n] each. () without z_pres.
    """

    recognition: Any
    prior: Any
    objects: Any
    logits: Any


@keras.saving.register_keras_serializable("air")
class AIR(keras.Model):
    """Attend, infer, repeat: a generative model of scenes of at most K objects.

    Trains as any Keras model, on images alone:

      model = AIR(canvas_side=50, steps=6, prior=LearnedPrior())
      adam = keras.optimizers.Adam(1e-3, epsilon=1e-8, clipnorm=1.0)
      model.compile(adam, jit_compile=True)
      model.fit(images, batch_size=64, epochs=300)
      scene = model.predict(images)        # counts, boxes, reconstructions, ...
      samples = model.generate(16, seed=0)

    Images are uint8 of shape [batch, S, S], or grey values in [0, 1].
    """

    def __init__(
        self,
        canvas_side=50,
        steps=6,
        prior=None,
        regulariser=None,
        estimator=None,
        sampler=None,
        likelihood=None,
        encoder=None,
        decoder=None,
        reads_latents=True,
        scale_sees_location=True,
        hidden_sees_location=False,
        decoder_noise=0.0,
        count_rule="greedy",
        sizes=None,
        ends=(),
        nonfinite_gradients="keep",
        seed=0,
        init_seed=None,
        **kwargs,
    ):
        """Builds the model.

        Args:
          canvas_side: S in pixels.
          steps: K, the largest number of objects.
          prior: p(z, n), a `Prior`: `FixedPrior` (default) or `LearnedPrior`.
          regulariser: R(q) of equation 11, for example an `asr.Regulariser`: a
            function from `asr.Posterior` to (penalty, dict of violations) with the
            attributes `names`, `least_objects` and `reads_stop`. None for none.
          estimator: how the number of objects enters the ELBO: `ExactEstimator`
            (default), `ConcreteEstimator` or `FixedCountEstimator`.
          sampler: reads and writes windows: `HatSampler` (default) or
            `ClippedCornersSampler`.
          likelihood: p(x | z, n), a `Likelihood`: `BernoulliLikelihood` (default) or
            `ReleasedLikelihood`.
          encoder: a Keras layer that makes z_app's mean and log-variance, [n, 2
            appearance], of windows, [n, window^2]; None for the paper's perceptron. The
            sizes are those of `sizes`. It is called as in inference, by Keras's
            defaults; initial weights are its own affair. To be saved, a class of your
            own is registered with `keras.saving.register_keras_serializable`.
          decoder: likewise, from z_app, [n, appearance], to the logits of windows, [n,
            window^2].
          reads_latents: whether the recognition LSTM reads z^{t-1} besides x.
          scale_sees_location: whether q(z_scale^t) depends on z_loc^t.
          hidden_sees_location: whether z_loc^t then enters the hidden layer of
            z_scale's nets besides their output layer (as in the released code).
          decoder_noise: standard deviation of noise on the decoder's logits, in
            training, evaluation and `generate`; 0 for none.
          count_rule: inferred count, "greedy" or "sampled".
          sizes: the networks' `Sizes`; None for the prior's, which they must equal.
          ends: counts, integers, after which a training step's loop over the objects
            may end, where no image of a batch can have another one: see
            `Estimator.may_continue`. Absent objects then cost no time. Ends under the
            regulariser's `least_objects` have no effect, nor have those from K on. Each
            adds to the time to compile.
          nonfinite_gradients: whether entries of a gradient that are not finite are
            kept, which training does not survive, or set to 0 ("zero", as in the
            released code) and counted.
          seed: integer seed of the training noise, 0 to 2^31 - 1.
          init_seed: likewise, of the initialisation; None for `seed`. A
            `LearnedPrior` is initialised by a seed of its own.
          **kwargs: Keras's own, such as `name`.

        Raises:
          ValueError: if an argument is out of range or does not fit another.
        """
        super().__init__(**kwargs)
        check_precision(self.dtype_policy)
        self.canvas_side, self.steps, self.ends = canvas_side, steps, tuple(ends)
        if prior is None:
            prior = FixedPrior(sizes=sizes or DEFAULT_SIZES)
        self.prior, sizes = prior, sizes or getattr(prior, "sizes", None)
        self.estimator = ExactEstimator() if estimator is None else estimator
        self.likelihood = BernoulliLikelihood() if likelihood is None else likelihood
        self.sampler = HatSampler() if sampler is None else sampler
        self.regulariser, self.sizes, self.count_rule = regulariser, sizes, count_rule
        self.nonfinite_gradients = nonfinite_gradients
        self.seed, self.init_seed = seed, init_seed
        self._own_networks = encoder is not None, decoder is not None
        check_options(
            canvas_side=canvas_side,
            steps=steps,
            parts={
                "prior": (self.prior, Prior),
                "estimator": (self.estimator, Estimator),
                "sampler": (self.sampler, Sampler),
                "likelihood": (self.likelihood, Likelihood),
            },
            regulariser=regulariser,
            decoder_noise=decoder_noise,
            count_rule=count_rule,
            sizes=sizes,
            ends=ends,
            nonfinite_gradients=nonfinite_gradients,
            seed=seed,
            init_seed=init_seed,
        )
        seeds = kernel_seeds([seed if init_seed is None else init_seed, 0])
        self.recognition = RecognitionModel(
            canvas_side,
            sizes,
            seeds,
            self.sampler,
            infers_presence=self.estimator.infers_presence,
            reads_latents=reads_latents,
            scale_sees_location=scale_sees_location,
            hidden_sees_location=hidden_sees_location,
            encoder=encoder,
        )
        self.decoder = Decoder(
            canvas_side, sizes, seeds, self.sampler, decoder_noise, decoder
        )
        # Training iterations so far: seeds the noise and anneals AIR's prior.
        self.iteration = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            name="iteration",
        )
        names = self.part_names()
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(
                f"constraint name {twice[0]!r} is not allowed: logs use it already"
            )
        self.trackers = {name: keras.metrics.Mean(name) for name in names}
        self.built = True

    # One pass: inference, then generation, in blocks of objects.

    def begin(self, images):
        """The `State` before the first object.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].

        Raises:
          ValueError: if the images are of another size.
        """
        side = self.canvas_side
        if tuple(images.shape[1:]) != (side, side):
            raise ValueError(
                f"images of shape {tuple(images.shape)}: use [batch, {side}, {side}], "
                "or another canvas_side"
            )
        prior = self.prior.begin(shapes.batch_size(images), images.dtype)
        return State(self.recognition.begin(images), prior, (), ())

    def infer_objects(self, images, noise, iteration, first, last, state):
        """Infers the objects first, ..., last - 1: q, p, their KL and canvases.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].
          noise: a `Noise`.
          iteration: training iterations so far. Shape [].
          first, last: integers, numbered from 0.
          state: the `State` before object `first`.

        Returns:
          The `State` after them.
        """
        final, drawn = last == self.steps, noise.decoder
        latents, q, recognition = self.recognition.infer(
            images, noise, first, last, state.recognition, final
        )
        p, prior = self.prior.infer(latents, state.prior, iteration, first, final)
        objects = {
            "latents": latents,
            "divergences": attribute_divergences(q, p, latents),
            "canvases": self.decoder.draw(
                latents, None if drawn is None else drawn[:, first:last]
            ),
        }
        logits = ()
        if self.estimator.infers_presence:
            logits = (q.presence_logits, p.presence_logits)
        if first:
            before = tuple(values[:, :first] for values in state.logits)
            objects = tf.nest.map_structure(_join, state.objects, objects)
            logits = tf.nest.map_structure(_join, before, logits)
        return State(recognition, prior, objects, logits)

    def score(self, images, noise, state, training=False):
        """The reconstruction term of the objects that were taken, beside their KLs.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].
          noise: a `Noise`.
          state: the `State` after the last of them.
          training: whether this is a training step.

        Returns:
          latents: the sample of z, a `Latents`, 0 for objects that were not taken.
          inference: an `ElboInputs`.
        """
        canvases = state.objects["canvases"]
        batch, taken = shapes.batch_size(images), canvases.shape[1]
        q_logits, p_logits = state.logits or (None, None)
        inputs = LikelihoodInputs(
            images,
            canvases,
            None if q_logits is None else q_logits[:, :taken],
            noise.presence[:, :taken],
            self.likelihood,
            training,
        )
        reconstruction = self.estimator.reconstruction(inputs)

        def all_objects(values):
            absent = [batch, self.steps - values.shape[1], *values.shape[2:]]
            return _join(values, tf.zeros(absent, values.dtype))

        everything = (
            state.objects["latents"],
            q_logits,
            p_logits,
            state.objects["divergences"],
        )
        latents, *rest = tf.nest.map_structure(
            lambda values: None if values is None else all_objects(values), everything
        )
        return latents, ElboInputs(reconstruction, *rest, noise.presence, training)

    def infer(self, images, noise, iteration, training=False):
        """One pass of inference and generation that takes all K objects.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].
          noise: a `Noise`.
          iteration: training iterations so far. Shape [].
          training: whether this is a training step.

        Returns:
          latents: the sample of z, a `Latents`.
          inference: an `ElboInputs`.
          canvases: each object on a canvas of its own. Shape [batch, K, S, S].
        """
        state = self.begin(images)
        state = self.infer_objects(images, noise, iteration, 0, self.steps, state)
        return *self.score(images, noise, state, training), state.objects["canvases"]

    def objective(self, images, noise, iteration, training=False):
        """The training objective -ELBO + R(q) (equation 11) and its parts, batch means.

        Args:
          images, noise, iteration, training: as in `infer`.

        Returns:
          A dict with "loss", "nelbo", the ELBO's terms and, with a regulariser,
          "penalty" and every constraint's violation; where z_pres is inferred,
          "objects_taken", which is K here.
          Shape [] each.
        """
        latents, inference, _ = self.infer(images, noise, iteration, training)
        return self.measure(latents, inference, self.steps)

    def gradients(self, images, noise, iteration):
        """`objective` in training and its gradients, of no more objects than a batch
        needs.

        Args:
          images, noise, iteration: as in `objective`.

        Returns:
          parts: as `objective` returns them.
          gradients: of the loss with respect to the trainable variables, a list.
        """

        def take(first, last, state):
            return self.infer_objects(images, noise, iteration, first, last, state)

        def measure(state):
            scored = self.score(images, noise, state, training=True)
            return self.measure(*scored, state.objects["canvases"].shape[1])

        def may_continue(state):
            seen = state.objects["canvases"].shape[1] + (not self._takes_stop())
            logits, uniforms = state.logits[0][:, :seen], noise.presence[:, :seen]
            return tf.reduce_any(self.estimator.may_continue(logits, uniforms))

        variables = self.trainable_variables
        # The recognition LSTM's weights reach the blocks in its state alone.
        outer = {id(variable) for variable in self.recognition.lstm.weights}
        inner = [variable for variable in variables if id(variable) not in outer]
        with tf.GradientTape() as tape:
            state = self.begin(images)
        measured, by_state, by_inner = loop.gradients(
            take, measure, may_continue, inner, state, self.steps, self._ends()
        )
        by_outer = tape.gradient(loop.floating(state), variables, by_state)
        by_inner = iter(by_inner)
        return measured, [
            by_begin if id(variable) in outer else _sum(next(by_inner), by_begin)
            for variable, by_begin in zip(variables, by_outer, strict=True)
        ]

    def measure(self, latents, inference, taken):
        """The loss (equation 11) and its parts.

        A subclass may measure another, for example anneal a weight by
        `self.iteration`; for parts that it adds it extends `part_names`.

        Args:
          latents, inference: of `score`.
          taken: the number of objects that were taken, an integer.

        Returns:
          As `objective`, batch means in nats. Shape [] each.

        Raises:
          ValueError: if the estimator's terms are not `elbo.TERMS`.
        """
        terms = self.estimator.terms(inference)
        if terms.keys() != set(TERMS):
            name = type(self.estimator).__name__
            raise ValueError(f"{name}.terms gives {sorted(terms)}: use {list(TERMS)}")
        parts = {name: tf.reduce_mean(terms[name]) for name in TERMS}
        nelbo = tf.add_n([parts[name] for name in TERMS])
        parts = {"loss": nelbo, "nelbo": nelbo, **parts}
        if self.regulariser is not None:
            posterior = self.posterior(latents, inference, taken)
            penalty, violations = self.regulariser(posterior)
            parts |= {"loss": nelbo + penalty, "penalty": penalty, **violations}
        if self.estimator.infers_presence:
            parts["objects_taken"] = tf.constant(taken, nelbo.dtype)
        return parts

    def part_names(self):
        """The names of what a training step measures, in the order of the logs."""
        names = ["loss", "nelbo", *TERMS]
        if self.regulariser is not None:
            names += ["penalty", *self.regulariser.names]
        if self.estimator.infers_presence:
            names.append("objects_taken")
        if self.nonfinite_gradients == "zero":
            names.append("nonfinite_entries")
        return [*names, "gradient_norm"]

    def posterior(self, latents, inference, taken):
        """The `asr.Posterior` that the regulariser sees.

        Args:
          latents, inference, taken: as in `measure`.
        """
        logits, bounded = self.estimator.presence_logits(inference), self.sizes.bounded
        return Posterior(
            log_count=stick_breaking.log_count(logits),
            presence_logits=logits,
            validity=tf.exp(stick_breaking.log_validity(logits)),
            centre=shapes.pixel_centre(latents.location, self.canvas_side),
            side=shapes.pixel_side(latents.scale, self.canvas_side, bounded),
            canvas_side=self.canvas_side,
            appearance=latents.appearance,
            # z_pres was also inferred of the object after the last that was taken.
            steps_run=taken if self._takes_stop() else min(taken + 1, self.steps),
        )

    # Training and evaluation: what Keras calls.

    def fit(self, *args, sample_weight=None, class_weight=None, **kwargs):
        """Keras's own, on images alone.

        Raises:
          ValueError: if weights are given: all images count alike.
          NonFiniteError: if a loss or a gradient is not finite; the weights have then
            been updated by it.
        """
        if sample_weight is not None or class_weight is not None:
            raise ValueError(
                "sample_weight, class_weight: AIR weights all images equally"
            )
        return super().fit(*args, **kwargs)

    def evaluate(self, *args, sample_weight=None, **kwargs):
        """Keras's own, on images alone.

        Raises:
          ValueError: if weights are given: all images count alike.
          NonFiniteError: if the loss is not finite.
        """
        if sample_weight is not None:
            raise ValueError("sample_weight: AIR weights all images equally")
        return super().evaluate(*args, **kwargs)

    def train_step(self, data):
        """One step of gradient descent on the objective."""
        images = images_of(data)
        grey = self.grey(images)
        parts = self.descend(grey, noises.run_seed(self.seed))
        return {**self._track(parts, grey), **grey_range(images)}

    def descend(self, images, seed):
        """Moves the weights by one step of gradient descent on the objective.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].
          seed: of the run's noise, int32. Shape [2].

        Returns:
          What `objective` returns, of this batch before the step, and the norm of its
          gradient before it is clipped, "gradient_norm".
        """
        seed = noises.fold_in(seed, self.iteration)
        noise = noises.draw(seed, shapes.batch_size(images), **self.noise_options())
        parts, gradients = self.gradients(images, noise, self.iteration)
        if self.nonfinite_gradients == "zero":
            gradients, parts["nonfinite_entries"] = _finite(gradients)
        parts["gradient_norm"] = tf.linalg.global_norm(gradients)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.iteration.assign_add(1)
        return parts

    def test_step(self, data):
        """The objective's parts at the evaluation sample of z."""
        images = images_of(data)
        grey = self.grey(images)
        parts = self.objective(grey, self.evaluation_noise(grey), self.iteration)
        return {**self._track(parts, grey), **grey_range(images)}

    def predict_step(self, data):
        """`call` on a batch; targets and weights are ignored, as by Keras."""
        images = images_of(keras.utils.unpack_x_y_sample_weight(data)[0])
        return {**self(images), **grey_range(images)}

    def make_train_function(self, force=False):
        """Keras's compiled training step, `watched`."""
        if force or self.train_function is None:
            check_compiled(self)
            super().make_train_function(force)
            self.train_function = watched(self.train_function)

    def make_test_function(self, force=False):
        """Keras's compiled test step, `watched`."""
        if force or self.test_function is None:
            check_compiled(self)
            super().make_test_function(force)
            self.test_function = watched(self.test_function)

    def make_predict_function(self, force=False):
        """Keras's compiled prediction, `watched`."""
        if force or self.predict_function is None:
            super().make_predict_function(force)
            self.predict_function = watched(self.predict_function)

    def call(self, images, training=False):
        """Infers the scene of each image, from one sample of z.

        From the same seed XLA draws a different sample than TensorFlow without it, so
        only calls that are both compiled by XLA, or both not, agree on a scene.

        Args:
          images: uint8, or grey values in [0, 1]. Shape [batch, S, S].
          training: unused; Keras passes it.

        Returns:
          A dict with
            counts: inferred number of objects, int32. Shape [batch].
            boxes: (x, y, width, height) in pixels, 0 beyond the count. Shape
              [batch, K, 4].
            reconstructions: grey values in [0, 1]. Shape [batch, S, S].
            squared_error: sum over pixels of (x - reconstruction)^2. Shape [batch].
            nelbo and its terms, in nats. Shape [batch].
        """
        images = self.grey(images)
        noise = self.evaluation_noise(images)
        latents, inference, canvases = self.infer(images, noise, self.iteration)
        logits = self.estimator.presence_logits(inference)
        if self.count_rule == "greedy":
            counts = stick_breaking.greedy_count(logits)
        else:
            counts = stick_breaking.sampled_count(logits, noise.presence)
        reconstructions = compose(canvases, counts)
        terms = self.estimator.terms(inference)
        return {
            "counts": counts,
            "boxes": self._boxes(latents, counts),
            "reconstructions": reconstructions,
            "squared_error": tf.reduce_sum(
                tf.square(images - reconstructions), axis=[1, 2]
            ),
            "nelbo": tf.add_n([terms[name] for name in TERMS]),
            **{name: terms[name] for name in TERMS},
        }

    def evaluation_noise(self, images):
        """The `Noise` of evaluation and prediction: it follows from each image alone,
        whatever its batch. Images are grey values in [0, 1], [batch, S, S]."""
        seed = noises.run_seed(EVALUATION_SEED)
        return noises.draw_by_image(images, seed, **self.noise_options())

    @property
    def metrics(self):
        """Running means of the objective's parts."""
        return list(self.trackers.values())

    def grey(self, images):
        """Grey values in [0, 1] in the compute type.

        Raises:
          ValueError: if the images are neither uint8 nor floating numbers.
        """
        images = tf.convert_to_tensor(images)
        if images.dtype == tf.uint8:
            return tf.cast(images, self.compute_dtype) / 255
        if not images.dtype.is_floating:
            raise ValueError(
                f"images of {images.dtype.name}: use uint8 (0 to 255) or grey values "
                "in [0, 1]"
            )
        return tf.cast(images, self.compute_dtype)

    # Samples from the prior: p(z, n), then p(x | z, n).

    def generate(self, samples, seed, count=None, side=None, draw=True):
        """Samples scenes from the prior.

        With `FixedPrior` the annealed log-odds of this iteration count: after training
        practically every scene is empty, so give `count` there.

        Args:
          samples: how many.
          seed: an integer, 0 to 2^31 - 1; equal seeds give equal scenes.
          count: number of objects in every scene, an integer; None to sample it
            (with a `FixedCountEstimator` it is K).
          side: side of every box in pixels, in place of the sampled one (as the
            released code does); None for the sample.
          draw: whether to draw the images; boxes alone are much faster.

        Returns:
          A dict with
            images: grey values in [0, 1], if they are drawn. Shape [samples, S, S].
            counts: number of objects, int32. Shape [samples].
            boxes: (x, y, width, height) in pixels, 0 beyond the count. Shape
              [samples, K, 4].

        Raises:
          ValueError: if an argument is out of range, or is no whole number where one
            is needed.
        """
        scenes = self.sample(samples, seed, count, side, draw)
        return {name: value.numpy() for name, value in scenes.items()}

    def sample(self, samples, seed, count=None, side=None, draw=True):
        """`generate`, its scenes as tensors: for use inside a `tf.function`."""
        samples, seed = whole_number("samples", samples, 1), check_seed("seed", seed)
        if count is not None:
            count = whole_number("count", count, 0, self.steps)
        if side is not None and not 0 < side < self.canvas_side:
            raise ValueError(f"side {side}: use more than 0, less than the canvas")
        seed = noises.run_seed(seed)
        options = self.noise_options()
        options["decoder"] &= draw
        noise = noises.draw(seed, samples, **options)
        latents, logits = self.prior.sample(noise, self.iteration)
        if side is not None:
            fraction = side / self.canvas_side
            log_odds = math.log(fraction / (1 - fraction))
            latents = latents._replace(scale=log_odds * tf.ones_like(latents.scale))
        if count is None and not self.estimator.infers_presence:
            count = self.steps
        if count is None:
            counts = stick_breaking.sampled_count(logits, noise.presence)
        else:
            counts = tf.fill([samples], count)
        scenes = {"counts": counts, "boxes": self._boxes(latents, counts)}
        if draw:
            canvases = self.decoder.draw(latents, noise.decoder)
            scenes["images"] = compose(canvases, counts)
        return scenes

    # Saving.

    def export(
        self,
        filepath,
        format="tf_saved_model",
        verbose=None,
        input_signature=None,
        **kwargs,
    ):
        """Keras's own: `call` for serving, without XLA, on grey values in [0, 1]."""
        if input_signature is None:
            side = self.canvas_side
            input_signature = [
                keras.InputSpec(shape=(None, side, side), dtype=self.compute_dtype)
            ]
        return super().export(filepath, format, verbose, input_signature, **kwargs)

    def get_config(self):
        """The settings, for Keras's saving. They say whether the prior is
        frozen, not whether other parts are."""
        serialise = keras.saving.serialize_keras_object
        networks = self.recognition.encoder, self.decoder.network
        encoder, decoder = (
            serialise(network) if own else None
            for network, own in zip(networks, self._own_networks, strict=True)
        )
        return {
            "canvas_side": self.canvas_side,
            "steps": self.steps,
            **{part: serialise(getattr(self, part)) for part in _PARTS},
            **{"encoder": encoder, "decoder": decoder},
            "reads_latents": self.recognition.reads_latents,
            "scale_sees_location": self.recognition.scale_sees_location,
            "hidden_sees_location": self.recognition.hidden_sees_location,
            "decoder_noise": self.decoder.logit_noise,
            "count_rule": self.count_rule,
            "sizes": self.sizes.get_config(),
            "ends": list(self.ends),
            "nonfinite_gradients": self.nonfinite_gradients,
            "seed": self.seed,
            "init_seed": self.init_seed,
            "name": self.name,
            "dtype": self.dtype_policy.name,
        }

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        config = dict(config)
        for part in (*_PARTS, "encoder", "decoder"):
            config[part] = keras.saving.deserialize_keras_object(config.get(part))
        config["sizes"] = Sizes.from_config(config["sizes"])
        return cls(**config)

    def _ends(self):
        """The `ends` at which the regulariser, too, needs no further object."""
        least = 0
        if self.regulariser is not None:
            least = self.regulariser.least_objects
            least = self.steps if least is None else least
        return tuple(end for end in sorted(self.ends) if end >= least)

    def _takes_stop(self):
        """Whether the object at which an image stops is taken, not looked at alone."""
        return self.regulariser is not None and self.regulariser.reads_stop

    def noise_options(self):
        """What the noise of this model is drawn for, besides seed and images."""
        return {
            "steps": self.steps,
            "sizes": self.sizes,
            "decoder": self.decoder.logit_noise > 0,
            "dtype": tf.as_dtype(self.compute_dtype),
        }

    def _boxes(self, latents, counts):
        return drawn_boxes(latents, counts, self.canvas_side, self.sizes.bounded)

    def _track(self, parts, images):
        """Updates the running means, weighted by the number of images."""
        batch = shapes.batch_size(images)
        for name, value in parts.items():
            self.trackers[name].update_state(value, batch)
        return {name: self.trackers[name].result() for name in parts}


_PARTS = ("prior", "regulariser", "estimator", "sampler", "likelihood")


def _join(first, second):
    return tf.concat([first, second], axis=1)


def _sum(first, second):
    return first if second is None else first + second


def _finite(gradients):
    """The gradients with 0 where an entry is not finite, and how many those were.

    A variable without a gradient, None, stays so.
    """
    kept, counts = [], []
    for gradient in gradients:
        if gradient is not None:
            fine = tf.math.is_finite(gradient)
            counts.append(tf.reduce_sum(tf.cast(~fine, gradient.dtype)))
            gradient = tf.where(fine, gradient, tf.zeros_like(gradient))
        kept.append(gradient)
    return kept, tf.add_n(counts)

"""AIR and AIR-pPrior as one Keras model; AIR-ASR by a regulariser.

AIR          AIR(prior=FixedPrior())
AIR-pPrior   AIR(prior=LearnedPrior())
AIR-ASR      AIR(prior=LearnedPrior(), regulariser=asr.number_regulariser((1, 3)))
"""

import keras
import tensorflow as tf

from air import noise as noises
from air import shapes, stick_breaking
from air.descent import EVALUATION_SEED, ObjectiveModel
from air.early_end import loop_may_end
from air.elbo import ExactEstimator, Pass
from air.generation import Decoder, compose, drawn_boxes
from air.networks import kernel_seeds
from air.options import check_options
from air.prior import FixedPrior
from air.recognition import RecognitionModel
from air.sampling import PriorSampling
from air.shapes import PAPER_SIZES, Sizes
from asr import Posterior

TERMS = ("reconstruction", "kl_location", "kl_scale", "kl_appearance", "kl_presence")


@keras.saving.register_keras_serializable("air")
class AIR(PriorSampling, ObjectiveModel):
    """Attend, infer, repeat: a generative model of scenes of at most K objects.

    Trains as any Keras model, on images alone:

      model = AIR(canvas_side=50, steps=6, prior=LearnedPrior())
      model.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0), jit_compile=True)
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
        reads_latents=True,
        scale_sees_location=True,
        hidden_sees_location=False,
        decoder_noise=0.0,
        likelihood_floor="maximum",
        count_rule="greedy",
        sizes=PAPER_SIZES,
        early_end=None,
        seed=0,
        init_seed=None,
        **kwargs,
    ):
        """Builds the model.

        Args:
          canvas_side: S in pixels.
          steps: K, the largest number of objects.
          prior: `FixedPrior` (default) or `LearnedPrior`.
          regulariser: R(q) of equation 11, for example an `asr.Regulariser`: a
            function from `asr.Posterior` to (penalty, dict of violations) with the
            attribute `names`. None for none.
          estimator: how the number of objects enters the ELBO: `ExactEstimator`
            (default), `ConcreteEstimator` or `FixedCountEstimator`.
          reads_latents: whether the recognition LSTM reads z^{t-1} besides x.
          scale_sees_location: whether q(z_scale^t) depends on z_loc^t.
          hidden_sees_location: whether z_loc^t then enters the hidden layer of
            z_scale's nets besides their output layer (as in the released code).
          decoder_noise: standard deviation of noise on the decoder's logits, in
            training, evaluation and `generate`; 0 for none.
          likelihood_floor: "maximum" or "sum", see `air.likelihood`.
          count_rule: inferred count, "greedy" or "sampled".
          sizes: the networks' `Sizes`; the prior's must be the same.
          early_end: m, the number of objects after which `early_train_step` ends
            (see `air.early_end`), 1 to K - 1; None for a model without. It needs
            `ExactEstimator`, and a regulariser that does not depend on objects that
            surely do not exist.
          seed: integer seed of the training noise.
          init_seed: integer seed of the initialisation; None for `seed`. A
            `LearnedPrior` is initialised by a seed of its own.
          **kwargs: Keras's own, such as `name`.

        Raises:
          ValueError: if a value is not as said.
        """
        super().__init__(**kwargs)
        prior = FixedPrior(sizes=sizes) if prior is None else prior
        estimator = ExactEstimator() if estimator is None else estimator
        check_options(
            canvas_side=canvas_side,
            steps=steps,
            prior=prior,
            estimator=estimator,
            decoder_noise=decoder_noise,
            likelihood_floor=likelihood_floor,
            count_rule=count_rule,
            sizes=sizes,
            early_end=early_end,
        )
        names = ["loss", "nelbo", *TERMS]
        if regulariser is not None:
            names += ["penalty", *regulariser.names]
        if early_end is not None:
            names.append("ended_early")
        names.append("gradient_norm")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"constraint name {name!r} is not allowed: logs use it already"
                )
        self.canvas_side, self.steps, self.early_end = canvas_side, steps, early_end
        self.prior, self.sizes = prior, sizes
        self.regulariser, self.estimator = regulariser, estimator
        self.likelihood_floor, self.count_rule = likelihood_floor, count_rule
        self.seed, self.init_seed = seed, init_seed
        seeds = kernel_seeds([seed if init_seed is None else init_seed, 0])
        self.recognition = RecognitionModel(
            canvas_side,
            sizes,
            seeds,
            infers_presence=estimator.infers_presence,
            reads_latents=reads_latents,
            scale_sees_location=scale_sees_location,
            hidden_sees_location=hidden_sees_location,
        )
        self.decoder = Decoder(canvas_side, sizes, seeds, decoder_noise)
        # Training iterations so far: seeds the noise and anneals AIR's prior.
        self.iteration = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            name="iteration",
        )
        self.trackers = {name: keras.metrics.Mean(name) for name in names}
        self.built = True

    def infer(self, images, noise, iteration, early=False):
        """One pass of inference and generation.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].
          noise: a `Noise`.
          iteration: training iterations so far. Shape [].
          early: whether to end after `early_end` objects, looking one ahead.

        Returns:
          latents: the sample of z, a `Latents`.
          inference: a `Pass`.

        Raises:
          ValueError: if the images are of another size.
        """
        side = self.canvas_side
        if tuple(images.shape[1:]) != (side, side):
            raise ValueError(
                f"images of shape {tuple(images.shape)}: use [batch, {side}, {side}], "
                "or another canvas_side"
            )
        steps = self.early_end if early else self.steps
        latents, q = self.recognition.infer(images, noise, steps, look_ahead=early)
        p = self.prior.distributions(latents, iteration, look_ahead=early)
        canvases = self.decoder.draw(latents, noise.decoder)
        floor = self.likelihood_floor
        return latents, Pass(images, canvases, q, p, noise, floor)

    def objective(self, images, noise, iteration, early=False, relaxed=True):
        """The training objective -ELBO + R(q) (equation 11) and its parts, batch means.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].
          noise: a `Noise`.
          iteration: training iterations so far. Shape [].
          early: whether to end after `early_end` objects.
          relaxed: whether a `ConcreteEstimator` relaxes z_pres, as in training.

        Returns:
          A dict with "loss", "nelbo", the ELBO's terms and, with a regulariser,
          "penalty" and every constraint's violation; with an `early_end`,
          "ended_early", see `air.early_end`. Shape [] each.
        """
        latents, inference = self.infer(images, noise, iteration, early)
        terms = self.estimator.terms(inference, relaxed)
        parts = {name: tf.reduce_mean(terms[name]) for name in TERMS}
        nelbo = tf.add_n([parts[name] for name in TERMS])
        parts = {"loss": nelbo, "nelbo": nelbo, **parts}
        if self.regulariser is not None:
            penalty, violations = self.regulariser(self.posterior(latents, inference))
            parts |= {"loss": nelbo + penalty, "penalty": penalty, **violations}
        if self.early_end is not None:
            logits = inference.recognition.presence_logits
            parts["ended_early"] = loop_may_end(logits, self.early_end)
        return parts

    def posterior(self, latents, inference):
        """The `asr.Posterior` that the regulariser sees."""
        # A pass that looks ahead has z_pres of one object more.
        logits, steps = self.estimator.presence_logits(inference), inference.steps
        return Posterior(
            log_count=stick_breaking.log_count(logits)[:, : steps + 1],
            presence_logits=logits[:, :steps],
            validity=tf.exp(stick_breaking.log_validity(logits))[:, :steps],
            centre=shapes.pixel_centre(latents.location, self.canvas_side),
            side=shapes.pixel_side(latents.scale, self.canvas_side),
            canvas_side=self.canvas_side,
        )

    def draw_noise(self, seed, batch):
        """The `Noise` of one pass over `batch` images. `seed`: int32, shape [2]."""
        return noises.draw(
            seed,
            batch,
            self.steps,
            self.sizes,
            decoder=self.decoder.logit_noise > 0,
            dtype=tf.as_dtype(self.compute_dtype),
        )

    def call(self, images, seed=None, training=False):
        """Infers the scene of each image, from one sample of z.

        Args:
          images: uint8, or grey values in [0, 1]. Shape [batch, S, S].
          seed: int32 seed of the sample, shape [2]; None for a fixed one. `predict`
            and `evaluate` take the fixed one, so that the i-th image of every batch
            has the same noise; `reproduce.evaluation` has new noise in every batch.
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
        seed = noises.run_seed(EVALUATION_SEED) if seed is None else seed
        noise = self.draw_noise(seed, shapes.batch_size(images))
        latents, inference = self.infer(images, noise, self.iteration)
        logits = self.estimator.presence_logits(inference)
        if self.count_rule == "greedy":
            counts = stick_breaking.greedy_count(logits)
        else:
            counts = stick_breaking.sampled_count(logits, noise.presence)
        reconstructions = compose(inference.canvases, counts)
        terms = self.estimator.terms(inference, relaxed=False)
        return {
            "counts": counts,
            "boxes": drawn_boxes(latents, counts, self.canvas_side),
            "reconstructions": reconstructions,
            "squared_error": tf.reduce_sum(
                tf.square(images - reconstructions), axis=[1, 2]
            ),
            "nelbo": tf.add_n([terms[name] for name in TERMS]),
            **{name: terms[name] for name in TERMS},
        }

    def get_config(self):
        """The settings, for Keras's saving."""
        serialise = keras.saving.serialize_keras_object
        return {
            "canvas_side": self.canvas_side,
            "steps": self.steps,
            "prior": serialise(self.prior),
            "regulariser": serialise(self.regulariser),
            "estimator": serialise(self.estimator),
            "reads_latents": self.recognition.reads_latents,
            "scale_sees_location": self.recognition.scale_sees_location,
            "hidden_sees_location": self.recognition.hidden_sees_location,
            "decoder_noise": self.decoder.logit_noise,
            "likelihood_floor": self.likelihood_floor,
            "count_rule": self.count_rule,
            "sizes": self.sizes.get_config(),
            "early_end": self.early_end,
            "seed": self.seed,
            "init_seed": self.init_seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        config = dict(config)
        for part in ("prior", "regulariser", "estimator"):
            config[part] = keras.saving.deserialize_keras_object(config[part])
        config["sizes"] = Sizes.from_config(config["sizes"])
        return cls(**config)

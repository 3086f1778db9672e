"""A prior of one's own, which is not in the paper: every step has a place.

AIR's prior puts each object anywhere on the canvas. Here object t is expected near a
place m_t that is learned, so that the steps of the loop may share the canvas out:

    p(z_loc^t) = N(m_t, s_t^2),  the rest as in `air.FixedPrior`.

    prior = PlacedPrior(steps=3)
    model = air.AIR(50, 3, prior, estimator=air.FixedCountEstimator())
    model.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0), jit_compile=True)
    model.fit(images, batch_size=64, epochs=10)

The ELBO trains m and s, through KL(q || p) alone. A run of it, with record and metrics:

    python -m reproduce.run --experiment table2/air-mnist \
        --model examples/placed_prior.py:placed
"""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

import air

tfd = tfp.distributions


@keras.saving.register_keras_serializable("examples")
class PlacedPrior(air.FixedPrior):
    """p(z_loc^t) = N(m_t, s_t^2) with learned m_t and log s_t, 0 at first."""

    def __init__(self, steps, **kwargs):
        """Makes the places.

        Args:
          steps: K of the model.
          **kwargs: of `air.FixedPrior`.
        """
        super().__init__(**kwargs)
        self.steps = steps
        self.places = self.add_weight((steps, 2), "zeros", name="places")
        self.log_spreads = self.add_weight((steps, 2), "zeros", name="log_spreads")

    def infer(self, latents, state, iteration, first, final):
        """p along the objects first, ..., first + n - 1 of a sample of z."""
        p, state = super().infer(latents, state, iteration, first, final)
        block = slice(first, first + latents.location.shape[1])
        normal = tfd.Normal(self.places[block], tf.exp(self.log_spreads[block]))
        return p._replace(location=tfd.Independent(normal, 1)), state

    def sample(self, noise, iteration):
        """z of K objects, from standard normal noise; and log-odds of z_pres."""
        latents, logits = super().sample(noise, iteration)
        location = self.places + tf.exp(self.log_spreads) * noise.location
        return latents._replace(location=location), logits

    def get_config(self):
        """The constructor's arguments, for Keras's saving."""
        return {**super().get_config(), "steps": self.steps}


def placed(**arguments):
    """The run's `air.AIR` with this prior; **arguments are those of `air.AIR`."""
    prior = PlacedPrior(arguments["steps"], sizes=arguments["sizes"])
    return air.AIR(**{**arguments, "prior": prior})

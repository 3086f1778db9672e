"""The matrix products that one training step of AIR-ASR cannot do without.

Those of the LSTMs, heads, encoder and decoder, forward and backward; the spatial
transformer's own are not among them.
"""

from typing import NamedTuple

from air.shapes import LOCATION_SIZE, SCALE_SIZE, Sizes


class Product(NamedTuple):
    """`times` products of shapes [rows, inner] and [inner, columns] in a step."""

    rows: int
    inner: int
    columns: int
    times: int

    @property
    def operations(self):
        """Floating-point operations of all of them."""
        return 2 * self.rows * self.inner * self.columns * self.times


def layer(batch, inputs, outputs, times, input_gradient=True):
    """A dense layer's forward product and its gradients by weights and input."""
    products = [
        Product(batch, inputs, outputs, times),
        Product(inputs, batch, outputs, times),
    ]
    if input_gradient:
        products.append(Product(batch, outputs, inputs, times))
    return products


def training_step(batch=64, steps=6, canvas_side=50, sizes=None):
    """The products of one step of AIR-ASR (learned prior, fixed scale prior).

    Args:
      batch: images.
      steps: K.
      canvas_side: S in pixels.
      sizes: the networks' `Sizes`; None for the paper's.

    Returns:
      A list of `Product`.
    """
    sizes = sizes or Sizes()
    gates, moving = 4 * sizes.lstm, sizes.latent + sizes.lstm
    # The image's projection is formed once; nothing asks for its input gradient.
    products = layer(batch, canvas_side**2, gates, 1, input_gradient=False)
    products += 2 * layer(batch, moving, gates, steps)
    heads = [(1, 0), *2 * [(LOCATION_SIZE, 0)], *2 * [(SCALE_SIZE, LOCATION_SIZE)]]
    for outputs, extra in heads:
        products += layer(batch, sizes.lstm, sizes.head, steps)
        products += layer(batch, sizes.head + extra, outputs, steps)
    # The prior's heads and the decoder work on all K steps at once.
    for outputs, extra in heads[:3]:
        products += layer(batch * steps, sizes.lstm, sizes.head, 1)
        products += layer(batch * steps, sizes.head + extra, outputs, 1)
    encoder = [sizes.window**2, *sizes.encoder, 2 * sizes.appearance]
    for inputs, outputs in zip(encoder[:-1], encoder[1:], strict=True):
        products += layer(batch, inputs, outputs, steps)
    decoder = [sizes.appearance, *sizes.encoder[::-1], sizes.window**2]
    for inputs, outputs in zip(decoder[:-1], decoder[1:], strict=True):
        products += layer(batch * steps, inputs, outputs, 1)
    return products

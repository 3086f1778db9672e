"""AIR in Pyro with this project's sizes: the peer that `benchmarks.peer` times.

    python benchmarks/pyro_air.py

Needs torch and pyro-ppl, which this project does not: run it by a Python with them.
It waits for lines "N"; after each it takes N training steps and prints their median
time in seconds. The model is that of Eslami et al. (2016) as Pyro's users write it: an
LSTM guide, z_pres sampled as a Bernoulli with learned baselines (NVIL),
`TraceGraph_ELBO`.
"""

import statistics
import sys
import time

import pyro
import torch
from pyro import distributions as dist
from torch import nn
from torch.nn import functional

LSTM, HEAD, ENCODER, APPEARANCE, WINDOW = 256, 64, (512, 256), 50, 28


def perceptron(inputs, hidden, outputs):
    """A multi-layer perceptron with softplus hidden layers."""
    layers = []
    for units in hidden:
        layers += [nn.Linear(inputs, units), nn.Softplus()]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def place(pixels, where, side, inverse):
    """Reads a window at (s, x, y) from images, or (inverse) writes one onto a canvas.

    Args:
      pixels: shape [batch, height, width].
      where: scale s and centre x, y. Shape [batch, 3].
      side: of what is returned, in pixels.
      inverse: whether to write.
    """
    scale, shift = where[:, :1], where[:, 1:]
    if inverse:
        scale, shift = 1 / scale, -shift / scale
    zero = torch.zeros_like(scale)
    rows = torch.cat([scale, zero, shift[:, :1], zero, scale, shift[:, 1:]], 1)
    size = (len(pixels), 1, side, side)
    grid = functional.affine_grid(rows.view(-1, 2, 3), size, align_corners=False)
    return functional.grid_sample(pixels[:, None], grid, align_corners=False)[:, 0]


class AIR(nn.Module):
    """Model and guide."""

    def __init__(self, canvas, steps):
        super().__init__()
        self.canvas, self.steps = canvas, steps
        self.decoder = perceptron(APPEARANCE, ENCODER[::-1], WINDOW**2)
        self.encoder = perceptron(WINDOW**2, ENCODER, 2 * APPEARANCE)
        latent = 1 + 3 + APPEARANCE
        self.lstm = nn.LSTMCell(canvas**2 + latent, LSTM)
        self.presence = perceptron(LSTM, (HEAD,), 1)
        self.where = perceptron(LSTM, (HEAD,), 6)
        self.baseline_lstm = nn.LSTMCell(canvas**2 + latent, LSTM)
        self.baseline = perceptron(LSTM, (HEAD,), 1)

    def model(self, images):
        """p(x, z, n)."""
        pyro.module("decoder", self.decoder)
        batch = len(images)
        with pyro.plate("images", batch):
            present, canvas = images.new_ones(batch, 1), images.new_zeros(images.shape)
            for t in range(self.steps):
                present = pyro.sample(
                    f"presence_{t}", dist.Bernoulli(0.5 * present).to_event(1)
                )
                mean = images.new_tensor([0.3, 0.0, 0.0]).expand(batch, 3)
                normal = dist.Normal(mean, images.new_tensor([0.1, 1.0, 1.0]))
                where = pyro.sample(f"where_{t}", normal.mask(present).to_event(1))
                normal = dist.Normal(images.new_zeros(batch, APPEARANCE), 1.0)
                what = pyro.sample(f"what_{t}", normal.mask(present).to_event(1))
                window = torch.sigmoid(self.decoder(what)).view(batch, WINDOW, WINDOW)
                drawn = place(window, where, self.canvas, inverse=True)
                canvas = canvas + drawn * present[:, :, None]
            likelihood = dist.Normal(canvas, 0.3).to_event(2)
            pyro.sample("image", likelihood, obs=images)

    def guide(self, images):
        """q(z, n | x)."""
        for name, module in self.named_children():
            if name != "decoder":
                pyro.module(name, module)
        batch, flat = len(images), images.flatten(1)
        with pyro.plate("images", batch):
            state = baseline_state = (images.new_zeros(batch, LSTM),) * 2
            present = images.new_ones(batch, 1)
            latents = images.new_zeros(batch, 4 + APPEARANCE)
            for t in range(self.steps):
                inputs = torch.cat([flat, latents], 1)
                state = self.lstm(inputs, state)
                baseline_state = self.baseline_lstm(inputs.detach(), baseline_state)
                baseline = self.baseline(baseline_state[0]) * present
                p = torch.sigmoid(self.presence(state[0])) * present
                present = pyro.sample(
                    f"presence_{t}",
                    dist.Bernoulli(p).to_event(1),
                    infer={"baseline": {"baseline_value": baseline[:, 0]}},
                )
                mean, deviation = self.where(state[0]).chunk(2, 1)
                mean = torch.cat([functional.softplus(mean[:, :1]), mean[:, 1:]], 1)
                normal = dist.Normal(mean, functional.softplus(deviation))
                where = pyro.sample(f"where_{t}", normal.mask(present).to_event(1))
                window = place(images, where, WINDOW, inverse=False)
                mean, deviation = self.encoder(window.flatten(1)).chunk(2, 1)
                normal = dist.Normal(mean, functional.softplus(deviation))
                what = pyro.sample(f"what_{t}", normal.mask(present).to_event(1))
                latents = torch.cat([present, where, what], 1)


def main(batch=64, canvas=50, steps=6):
    """Takes as many steps as each line of the input asks for."""
    torch.set_num_threads(1)
    pyro.set_rng_seed(0)
    pyro.enable_validation(False)
    air = AIR(canvas, steps)
    images = torch.zeros(batch, canvas, canvas)
    images[:, 15:35, 15:35] = torch.rand(batch, 20, 20)
    optimiser = pyro.optim.Adam({"lr": 1e-4})
    svi = pyro.infer.SVI(air.model, air.guide, optimiser, pyro.infer.TraceGraph_ELBO())
    svi.step(images)
    print(f"PyTorch {torch.__version__}, Pyro {pyro.__version__}", flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            begun = time.perf_counter()
            svi.step(images)
            seconds.append(time.perf_counter() - begun)
        print(statistics.median(seconds), flush=True)


if __name__ == "__main__":
    main()

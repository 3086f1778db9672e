"""The whole model once more, in plain NumPy, one image and one object at a time.

Written from the paper and the project's specification, not from `air`: only the
weights are taken from there. It is slow and follows no shortcut (no projection
computed once, no separable matrices, no batch of windows).
"""

import numpy as np
from scipy.ndimage import map_coordinates

FLOOR = 1e-10


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def softplus(v):
    return np.logaddexp(0, v)


def linear(layer, v):
    return v @ layer.kernel.numpy() + layer.bias.numpy()


def perceptron(network, v):
    *hidden, last = network.layers
    for layer in hidden:
        v = softplus(linear(layer, v))
    return linear(last, v)


def head(network, v, extra=()):
    seen = np.concatenate([v, extra]) if network.hidden_sees_extra else v
    hidden = np.maximum(linear(network.hidden, seen), 0)
    return linear(network.output_layer, np.concatenate([hidden, extra]))


def gaussian(network, v, extra=()):
    """(mean, variance)"""
    log_variance = np.clip(head(network.log_variance, v, extra), -10, 10)
    return head(network.mean, v, extra), np.exp(log_variance)


def lstm(cell, inputs, state):
    """One step over the concatenation [inputs, hidden state]."""
    hidden, memory = state
    joined = np.concatenate([inputs, hidden])
    gates = joined @ cell.kernel.numpy() + cell.bias.numpy()
    enter, forget, candidate, leave = np.split(gates, 4)
    memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(candidate)
    return sigmoid(leave) * np.tanh(memory), memory


def box(location, scale):
    """Centre in [-1, 1]^2 and size as a share of the canvas side."""
    return np.tanh(location), max(float(sigmoid(scale)[0]), 0.02)


def bilinear(image, rows, columns):
    places = np.meshgrid(rows, columns, indexing="ij")
    return map_coordinates(image, places, order=1, mode="grid-constant")


def read(image, location, scale, window):
    (x, y), size = box(location, scale)
    steps = size * np.linspace(-1, 1, window)
    half = (len(image) - 1) / 2
    return bilinear(image, (y + steps + 1) * half, (x + steps + 1) * half)


def write(window, location, scale, side):
    (x, y), size = box(location, scale)
    pixels, half = np.linspace(-1, 1, side), (len(window) - 1) / 2
    rows, columns = ((pixels - y) / size + 1) * half, ((pixels - x) / size + 1) * half
    return bilinear(window, rows, columns)


def recognise(model, image, noise, index):
    """q along one sample: a list of objects, each a dict."""
    network, steps = model.recognition, model.steps
    units = network.lstm.units
    state, previous = (np.zeros(units), np.zeros(units)), np.zeros(model.sizes.latent)
    objects = []
    for t in range(steps):
        inputs = [image.ravel(), previous] if network.reads_latents else [image.ravel()]
        state = lstm(network.lstm, np.concatenate(inputs), state)
        hidden = state[0]
        found = {}
        if network.presence is not None:
            found["logit"] = head(network.presence, hidden)[0]

        def draw(name, parameters, t=t, found=found):
            mean, variance = found[f"q_{name}"] = parameters
            sample = mean + np.sqrt(variance) * getattr(noise, name).numpy()[index, t]
            found[name] = sample
            return sample

        location = draw("location", gaussian(network.location, hidden))
        seen = location if network.scale_sees_location else ()
        scale = draw("scale", gaussian(network.scale, hidden, seen))
        window = read(image, location, scale, model.sizes.window)
        code = perceptron(network.encoder, window.ravel())
        mean, log_variance = np.split(code, 2)
        variance = np.exp(np.clip(log_variance, -10, 10))
        appearance = draw("appearance", (mean, variance))
        previous = np.concatenate([location, scale, appearance])
        objects.append(found)
    return objects


def learned_prior(prior, objects):
    """(log-odds, location, scale) of every object given those before it."""
    units = prior.lstm.units
    state, previous = (np.zeros(units), np.zeros(units)), np.zeros(prior.sizes.latent)
    before, found = np.zeros(units), []
    for z in objects:
        state = lstm(prior.lstm, previous, state)
        hidden = state[0]
        logit = None
        if prior.presence is not None:
            logit = head(prior.presence, before if prior.presence_lag else hidden)[0]
        scale = (np.array([-1.0]), np.array([0.05]))
        if prior.scale is not None:
            seen = z["location"] if prior.scale_sees_location else ()
            scale = gaussian(prior.scale, hidden, seen)
        found.append((logit, gaussian(prior.location, hidden), scale))
        previous = np.concatenate([z["location"], z["scale"], z["appearance"]])
        before = hidden
    return found


def fixed_prior(log_odds, objects):
    standard = (np.zeros(2), np.ones(2))
    return [(log_odds, standard, (np.array([-1.0]), np.array([0.05])))] * len(objects)


def draw(model, z, noise=0.0):
    """One object on a canvas of its own."""
    logits = perceptron(model.decoder.network, z["appearance"])
    side = model.sizes.window
    window = sigmoid(logits + noise).reshape(side, side)
    return write(window, z["location"], z["scale"], model.canvas_side)


def normal_divergence(q, p):
    """KL between diagonal normals given as (mean, variance), in nats."""
    (m, v), (mp, vp) = q, p
    return float(np.sum(0.5 * (np.log(vp / v) + (v + (m - mp) ** 2) / vp - 1)))


def cross_entropy(image, reconstruction, floor=FLOOR):
    """-sum x log max(r, e) + (1 - x) log max(1 - r, e), pixel by pixel."""
    total = 0.0
    for x, r in zip(image.ravel(), reconstruction.ravel(), strict=True):
        total -= x * np.log(max(r, floor)) + (1 - x) * np.log(max(1 - r, floor))
    return total


def count_distribution(logits):
    """q(n), n = 0..K, as the product of conditional probabilities."""
    p = sigmoid(np.asarray(logits))
    steps = len(p)
    return np.array(
        [np.prod(p[:n]) * (1 - p[n] if n < steps else 1) for n in range(steps + 1)]
    )


def negative_elbo(image, canvases, objects, prior):
    """The terms of the exact -ELBO as expectations under q(n), nothing cancelled.

    E_q(n)[CE_n], E_q(n)[sum_{t <= n} KL_t], and KL(q(n) || p(n)).
    """
    q = count_distribution([z["logit"] for z in objects])
    p = count_distribution([row[0] for row in prior])
    unit = (np.zeros(len(objects[0]["appearance"])), 1.0)
    terms = dict.fromkeys(
        ["reconstruction", "kl_location", "kl_scale", "kl_appearance", "kl_presence"],
        0.0,
    )
    for n in range(len(q)):
        canvas = np.clip(sum(canvases[:n], np.zeros_like(image)), 0, 1)
        terms["reconstruction"] += q[n] * cross_entropy(image, canvas)
        for z, (_, location, scale) in list(zip(objects, prior, strict=True))[:n]:
            terms["kl_location"] += q[n] * normal_divergence(z["q_location"], location)
            terms["kl_scale"] += q[n] * normal_divergence(z["q_scale"], scale)
            terms["kl_appearance"] += q[n] * normal_divergence(z["q_appearance"], unit)
        terms["kl_presence"] += q[n] * np.log(q[n] / p[n])
    return terms

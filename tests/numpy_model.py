"""The whole model once more, in plain NumPy, one image and one object at a time.

Written from the paper and the project's specification, not from `air`: only the
weights are taken from there. It is slow and follows no shortcut (no projection
computed once, no separable matrices, no batch of windows). `released=True` stands for
the authors' released code: corners clipped, log(r + e), one Concrete sample, no bounds.
"""

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.special import expit as sigmoid

FLOOR = 1e-10
TERMS = ("reconstruction", "kl_location", "kl_scale", "kl_appearance", "kl_presence")


def softplus(v):
    return np.logaddexp(0, v)


def linear(layer, v):
    return v @ layer.kernel.numpy() + layer.bias.numpy()


def perceptron(network, v):
    for layer in network.layers:
        v = softplus(linear(layer, v))
    return np.concatenate([linear(layer, v) for layer in network.outputs])


def head(network, v, extra=()):
    seen = np.concatenate([v, extra]) if network.hidden_sees_extra else v
    hidden = np.maximum(linear(network.hidden, seen), 0)
    return linear(network.output_layer, np.concatenate([hidden, extra]))


def gaussian(network, v, extra=(), released=False):
    """(mean, variance)"""
    log_variance = head(network.log_variance, v, extra)
    return head(network.mean, v, extra), variance_of(log_variance, released)


def variance_of(log_variance, released):
    return np.exp(log_variance if released else np.clip(log_variance, -10, 10))


def lstm(cell, inputs, state):
    """One step over the concatenation [inputs, hidden state]."""
    hidden, memory = state
    joined = np.concatenate([inputs, hidden])
    gates = joined @ cell.kernel.numpy() + cell.bias.numpy()
    enter, forget, candidate, leave = np.split(gates, 4)
    memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(candidate)
    return sigmoid(leave) * np.tanh(memory), memory


def box(location, scale, released=False):
    """Centre in [-1, 1]^2 and size as a share of the canvas side."""
    size = float(sigmoid(scale)[0])
    return np.tanh(location), size if released else max(size, 0.02)


def hat_sample(image, x, y):
    """Bilinear values at positions x (columns) and y (rows), [-1, 1] on the image."""
    half = (len(image) - 1) / 2
    places = np.meshgrid((y + 1) * half, (x + 1) * half, indexing="ij")
    return map_coordinates(image, places, order=1, mode="grid-constant")


def clipped_sample(image, x, y):
    """The same as the released code does it, in the type of its arguments."""
    side, dtype = len(image), image.dtype.type
    result = np.zeros((len(y), len(x)), dtype)
    columns, rows = ((u + dtype(1)) * dtype(side - 1.001) / dtype(2) for u in (x, y))
    for i, v in enumerate(rows):
        for j, u in enumerate(columns):
            x0, y0 = np.floor(u), np.floor(v)
            x0, x1 = (dtype(min(max(c, 0), side - 1)) for c in (x0, x0 + 1))
            y0, y1 = (dtype(min(max(c, 0), side - 1)) for c in (y0, y0 + 1))
            for a, b in ((x0, y0), (x0, y1), (x1, y0), (x1, y1)):
                across = x1 - u if a is x0 else u - x0
                down = y1 - v if b is y0 else v - y0
                result[i, j] += across * down * image[int(b), int(a)]
    return result


def read(image, location, scale, window, released=False):
    (x, y), size = box(location, scale, released)
    steps = size * np.linspace(-1, 1, window)
    return (clipped_sample if released else hat_sample)(image, x + steps, y + steps)


def write(window, location, scale, side, released=False):
    (x, y), size = box(location, scale, released)
    pixels = np.linspace(-1, 1, side)
    sample = clipped_sample if released else hat_sample
    return sample(window, (pixels - x) / size, (pixels - y) / size)


def recognise(model, image, noise, index, released=False):
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

        location = draw("location", gaussian(network.location, hidden, (), released))
        seen = location if network.scale_sees_location else ()
        scale = draw("scale", gaussian(network.scale, hidden, seen, released))
        window = read(image, location, scale, model.sizes.window, released)
        mean, log_variance = np.split(perceptron(network.encoder, window.ravel()), 2)
        appearance = draw("appearance", (mean, variance_of(log_variance, released)))
        previous = np.concatenate([location, scale, appearance])
        objects.append(found)
    return objects


def learned_prior(prior, objects, released=False):
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
            scale = gaussian(prior.scale, hidden, seen, released)
        found.append((logit, gaussian(prior.location, hidden, (), released), scale))
        previous = np.concatenate([z["location"], z["scale"], z["appearance"]])
        before = hidden
    return found


def fixed_prior(log_odds, objects):
    standard = (np.zeros(2), np.ones(2))
    return [(log_odds, standard, (np.array([-1.0]), np.array([0.05])))] * len(objects)


def draw(model, z, noise=0.0, released=False):
    """One object on a canvas of its own."""
    logits = perceptron(model.decoder.network, z["appearance"])
    side = model.sizes.window
    window = sigmoid(logits + noise).reshape(side, side)
    return write(window, z["location"], z["scale"], model.canvas_side, released)


def scene(model, image, draws, index, released=False):
    """Objects, their rows of the prior and their canvases, of one image."""
    objects = recognise(model, image, draws, index, released)
    if hasattr(model.prior, "lstm"):
        rows = learned_prior(model.prior, objects, released)
    else:
        rows = fixed_prior(np.log(10), objects)  # after 9,000 iterations
    noise = np.zeros(model.steps)
    if draws.decoder is not None:
        noise = model.decoder.logit_noise * draws.decoder.numpy()[index]
    canvases = [draw(model, z, noise[t], released) for t, z in enumerate(objects)]
    return objects, rows, canvases


def normal_divergence(q, p):
    """KL between diagonal normals given as (mean, variance), in nats."""
    (m, v), (mp, vp) = q, p
    return float(np.sum(0.5 * (np.log(vp / v) + (v + (m - mp) ** 2) / vp - 1)))


def cross_entropy(image, reconstruction, floor=FLOOR, released=False):
    """-sum x log p + (1 - x) log(1 - p), pixel by pixel, with the floor e.

    p and 1 - p are max(r, e) and max(1 - r, e), or r + e and (1 - r) + e.
    """
    total = 0.0
    for x, r in zip(image.ravel(), reconstruction.ravel(), strict=True):
        if released:
            ink, paper = r + floor, (1 - r) + floor
        else:
            ink, paper = max(r, floor), max(1 - r, floor)
        total -= x * np.log(ink) + (1 - x) * np.log(paper)
    return total


def count_distribution(logits):
    """q(n), n = 0..K, as the product of conditional probabilities."""
    p = sigmoid(np.asarray(logits))
    steps = len(p)
    return np.array(
        [np.prod(p[:n]) * (1 - p[n] if n < steps else 1) for n in range(steps + 1)]
    )


def attribute_divergences(z, prior_row):
    """The three KLs of one object under its row of the prior, a dict."""
    unit = (np.zeros(len(z["appearance"])), 1.0)
    pairs = zip(TERMS[1:4], (*prior_row[1:], unit), strict=True)
    return {
        name: normal_divergence(z[f"q_{name.removeprefix('kl_')}"], p)
        for name, p in pairs
    }


def negative_elbo(image, canvases, objects, prior):
    """The terms of the exact -ELBO as expectations under q(n), nothing cancelled.

    E_q(n)[CE_n], E_q(n)[sum_{t <= n} KL_t], and KL(q(n) || p(n)).
    """
    q = count_distribution([z["logit"] for z in objects])
    p = count_distribution([row[0] for row in prior])
    terms = dict.fromkeys(TERMS, 0.0)
    for n in range(len(q)):
        canvas = np.clip(sum(canvases[:n], np.zeros_like(image)), 0, 1)
        terms["reconstruction"] += q[n] * cross_entropy(image, canvas)
        for z, row in list(zip(objects, prior, strict=True))[:n]:
            for name, divergence in attribute_divergences(z, row).items():
                terms[name] += q[n] * divergence
        terms["kl_presence"] += q[n] * np.log(q[n] / p[n])
    return terms


def log_concrete_of_logit(v, log_odds, temperature):
    """Log-density of v = log(y / (1 - y)), y from the binary Concrete distribution."""
    gap = temperature * v - log_odds
    return np.log(temperature) - gap - 2 * np.logaddexp(0, -gap)


def concrete_elbo(
    image,
    canvases,
    logits,
    prior_logits,
    divergences,
    uniforms,
    estimator,
    training=True,
    released=False,
):
    """The terms of -ELBO at one Concrete sample, and how many objects count.

    A loop over objects that ends where the running sum of 1 - y reaches the threshold;
    `divergences` is a list of dicts, one an object.
    """
    temperature, threshold = estimator.temperature, estimator.stop_threshold
    terms = dict.fromkeys(TERMS, 0.0)
    canvas, running, counted = np.zeros_like(image), 0.0, 0
    for t, u in enumerate(uniforms):
        v = (logits[t] + np.log((1 - u) / u)) / temperature
        terms["kl_presence"] += log_concrete_of_logit(
            v, logits[t], temperature
        ) - log_concrete_of_logit(v, prior_logits[t], temperature)
        y = sigmoid(v) if training else float(v > 0)
        running += 1 - y
        if running >= threshold:
            break
        counted += 1
        canvas = canvas + y * canvases[t]
        for name, divergence in divergences[t].items():
            terms[name] += divergence
    canvas = np.clip(canvas, 0, 1)
    terms["reconstruction"] = cross_entropy(image, canvas, released=released)
    return terms, counted


def unary_penalties(allowed, presence):
    """The released code's two terms on p_t [batch, objects looked at], an image each
    and of the batch: cross-entropies to the unary codes, e = 1e-8."""
    codes = [[float(t < n) for t in range(presence.shape[1])] for n in allowed]

    def entropy(code, p):
        pairs = zip(code, p, strict=True)
        return -sum(
            u * np.log(v + 1e-8) + (1 - u) * np.log(1 - v + 1e-8) for u, v in pairs
        )

    each = [min(entropy(code, row) for code in codes) for row in presence]
    return np.array(each), entropy(np.mean(codes, axis=0), presence.mean(axis=0))


def overlap_penalties(
    centres, sides, weights, canvas_side, minimum, maximum, tolerance=3.0
):
    """F1 to F7 of section 4.2 of one image by loops over objects and pairs, a dict."""

    def hinge(v):
        return v if v > 0 else 0.0

    edges = [f"outside_{edge}" for edge in ("left", "right", "top", "bottom")]
    names = ["pair_overlap", *edges, "side_bounds", "side_difference"]
    found = dict.fromkeys(names, 0.0)
    for i, ((x, y), s) in enumerate(zip(centres, sides, strict=True)):
        outside = s / 2 - x, x + s / 2 - canvas_side, s / 2 - y, y + s / 2 - canvas_side
        for edge, reach in zip(edges, outside, strict=True):
            found[edge] += weights[i] * hinge(reach)
        found["side_bounds"] += weights[i] * (hinge(minimum - s) + hinge(s - maximum))
        for j in range(len(sides)):
            if j != i:
                weight = weights[max(i, j)]
                apart = max(abs(x - centres[j][0]), abs(y - centres[j][1]))
                found["pair_overlap"] += weight * hinge((s + sides[j]) / 2 - apart)
                excess = abs(s - sides[j]) - tolerance
                found["side_difference"] += weight * hinge(excess)
    return found

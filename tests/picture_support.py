"""Made-up run records with the arrays that figures are drawn from."""

import io

import numpy as np
import synthetic

from reproduce import files, outcome


def arrays(side=50, steps=6, scenes=16, seed=0):
    """Arrays of the shapes and types that `evaluation.figure_arrays` gives."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (scenes, side, side), np.uint8)
    counts = generator.integers(0, steps + 1, scenes).astype(np.int32)
    boxes = generator.uniform(-5, side, (scenes, steps, 4)).astype(np.float32)
    return {
        "images": images,
        "reconstructions": images // 2,
        "boxes": boxes,
        "counts": counts,
        "true_boxes": boxes[:, :3],
        "true_counts": np.full(scenes, 3, np.int32),
        "sample_images": images // 3,
        "sample_boxes": boxes,
        "sample_counts": counts,
    }


def write(results, experiment, seed=0, epochs=4, side=50, **options):
    """Writes a made-up record with its figure.npz; returns its folder."""
    folder = synthetic.write(results, experiment, seed, epochs, **options)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays(side, seed=seed))
    files.write_atomically(folder / outcome.FIGURE_FILE, stream.getvalue())
    return folder

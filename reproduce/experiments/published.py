"""The numbers printed in the paper, which every table shows beside ours.

Source: Xu, Li, Zhu, Zhang, "Multi-object Generation with Amortized Structural
Regularization", NeurIPS 2019, Tables 1 and 2: mean and standard deviation over
three runs. nELBO and SE are sums over an image's pixels; lower is better. ACC
and mIoU lie in [0, 1]; higher is better.
"""

RUNS = 3
EPOCHS = 300
SEEDS = (0, 1, 2)

# Column titles, in the order of the paper's tables.
TITLES = {"nelbo": "nELBO", "acc": "ACC", "se": "SE", "miou": "mIoU"}
LOWER_IS_BETTER = ("nelbo", "nelbo_without_kl_presence", "se")
METRICS = {
    "table1": ("nelbo", "acc", "se", "miou"),
    "table2": ("nelbo", "se", "miou"),
}
# Decimal places, as printed.
DECIMALS = {
    "table1": {"nelbo": 2, "acc": 2, "se": 2, "miou": 2},
    "table2": {"nelbo": 1, "se": 1, "miou": 2},
}

# By experiment: (mean, standard deviation) in the order of `METRICS`.
_NUMBERS = {
    "table1/air-13": ((404.41, 4.58), (0.81, 0.23), (31.94, 4.68), (0.61, 0.13)),
    "table1/pprior-13": ((405.21, 1.17), (0.48, 0.0), (49.42, 0.24), (0.43, 0.01)),
    "table1/asr-13": ((360.20, 19.67), (0.96, 0.0), (28.84, 1.11), (0.61, 0.0)),
    "table1/air-14": ((543.44, 54.71), (0.48, 0.03), (52.77, 4.92), (0.43, 0.07)),
    "table1/pprior-14": ((519.06, 5.47), (0.50, 0.0), (68.72, 0.55), (0.43, 0.0)),
    "table1/asr-14": ((441.54, 30.97), (0.96, 0.01), (41.05, 7.11), (0.55, 0.08)),
    "table1/air-24": ((639.49, 23.13), (0.55, 0.09), (57.69, 4.88), (0.46, 0.06)),
    "table1/pprior-24": ((643.28, 8.67), (0.0, 0.0), (83.35, 0.44), (0.10, 0.0)),
    "table1/asr-24": ((495.73, 35.80), (0.98, 0.01), (48.54, 5.60), (0.54, 0.08)),
    "table2/air-mnist": ((328.5, 17.1), (37.5, 3.8), (0.25, 0.03)),
    "table2/pprior-mnist": ((306.6, 58.8), (41.5, 15.4), (0.35, 0.10)),
    "table2/asr-mnist": ((337.3, 55.1), (36.5, 3.9), (0.67, 0.05)),
    "table2/air-dsprites": ((341.5, 76.5), (34.8, 8.9), (0.13, 0.05)),
    "table2/pprior-dsprites": ((274.3, 64.4), (29.3, 12.1), (0.21, 0.13)),
    "table2/asr-dsprites": ((271.8, 18.8), (20.9, 2.1), (0.61, 0.03)),
}


def published(experiment):
    """The paper's numbers of one cell: a dict from metric to (mean, std)."""
    metrics = METRICS[experiment.split("/")[0]]
    return dict(zip(metrics, _NUMBERS[experiment], strict=True))

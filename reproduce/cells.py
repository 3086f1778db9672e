"""One cell of a table: the runs it averages, and their means and deviations.

A cell takes the longest protocol that has records and averages only runs of
that number of epochs and of one variant; it never mixes digits or presets.
"""

import dataclasses
import statistics

from reproduce import grid, published, records
from reproduce.configuration import METHODS, preset_configuration


@dataclasses.dataclass(frozen=True)
class Cell:
    """The runs of one experiment under one protocol.

    Attributes:
      experiment: such as "table1/asr-13".
      preset: "paper" or "released".
      epochs: of all runs, None if there is none.
      digits: "mnist", "rendered", or None for sprites.
      complete: records of the runs that ended well, sorted by seed.
      failed: records of the runs that ended by a failure, sorted by seed.
      smoke: whether the runs are of the tiny protocol.
    """

    experiment: str
    preset: str = "paper"
    epochs: int | None = None
    digits: str | None = None
    complete: tuple = ()
    failed: tuple = ()
    smoke: bool = False

    @property
    def table(self):
        return self.experiment.split("/")[0]

    @property
    def method(self):
        """As printed in the paper, such as "AIR-ASR"."""
        return METHODS[self.experiment.split("/")[1].split("-")[0]]

    @property
    def setting(self):
        return self.experiment.split("-", 1)[1]

    @property
    def dataset(self):
        return preset_configuration(self.experiment, self.preset).dataset

    @property
    def label(self):
        """The row's name, as in the paper."""
        if self.table == "table1":
            return f"{self.method}-{self.setting}"
        return f"{self.method} ({self.dataset.replace('_', '-')})"

    @property
    def seeds(self):
        return tuple(record["seed"] for record in self.complete)

    @property
    def failed_seeds(self):
        return tuple(record["seed"] for record in self.failed)

    @property
    def ended(self):
        """The seeds that have a record, of success or failure."""
        return frozenset(self.seeds + self.failed_seeds)

    @property
    def short(self):
        """Whether the runs are shorter than the paper's."""
        return self.epochs is not None and self.epochs < published.EPOCHS

    @property
    def tensorfloat32(self):
        """Whether a run's matrix products were, in part at least, less precise."""
        return any(
            process.get("precision") == "tensorfloat32"
            for record in self.complete
            for process in (record["environment"], *record.get("trained_by", ()))
        )

    def values(self, metric):
        """The metric of each complete run, by seed; [] where it is not logged."""
        found = [value_of(record, metric) for record in self.complete]
        return [value for value in found if value is not None]

    def mean(self, metric):
        """The mean over the complete runs, None without any."""
        values = self.values(metric)
        return statistics.fmean(values) if values else None

    def std(self, metric):
        """The standard deviation (ddof 1), None for fewer than two runs."""
        values = self.values(metric)
        return statistics.stdev(values) if len(values) > 1 else None

    def summary(self, metric):
        """The metric as plain JSON: {"mean", "std" (null for one run), "runs"}."""
        return {
            "mean": self.mean(metric),
            "std": self.std(metric),
            "runs": self.values(metric),
        }


def value_of(record, metric):
    """One metric of a complete record, None if it has none of this name.

    `nelbo_without_kl_presence` is the nELBO less KL(z_pres), for which AIR's
    annealed prior charges about 20 nats an object.
    """
    metrics = record["metrics"]
    if metric == "nelbo_without_kl_presence":
        if metrics.get("kl_presence") is None:
            return None
        return metrics["nelbo"] - metrics["kl_presence"]
    return metrics.get(metric)


def collect(experiments, protocol, seeds=None, epochs=None):
    """The cell of each experiment, read from the protocol's run records.

    Args:
      experiments: the cells wanted, in order.
      protocol: a `grid.Protocol`; its preset, digits and kind (smoke or not)
        select the variant, and its results folder is read.
      seeds: only runs with these seeds; None for all.
      epochs: only runs of this length; None for the longest there is.

    Returns:
      A list of `Cell`, one for each experiment, empty ones included.

    Raises:
      RecordError: if a record is damaged, or if runs of one cell were trained
        on different data.
    """
    return [_cell(name, protocol, seeds, epochs) for name in experiments]


def _cell(experiment, protocol, seeds, epochs):
    found = records.find(
        protocol.results,
        experiment,
        variant=grid.variant(experiment, protocol),
        epochs=epochs,
    )
    found = {
        folder: record
        for folder, record in found.items()
        if (seeds is None or record["seed"] in seeds)
        and record["smoke"] == protocol.smoke
    }
    longest = max((record["epochs"] for record in found.values()), default=None)
    found = {f: record for f, record in found.items() if record["epochs"] == longest}
    _check_same_data(found)
    ordered = sorted(found.values(), key=lambda record: record["seed"])
    return Cell(
        experiment=experiment,
        preset=protocol.preset,
        epochs=longest,
        digits=grid.configuration(grid.Run(experiment, 0), protocol).digits,
        complete=tuple(r for r in ordered if r["status"] == records.COMPLETE),
        failed=tuple(r for r in ordered if r["status"] == records.FAILED),
        smoke=protocol.smoke,
    )


def _check_same_data(found):
    """Runs of one cell have equal data options, so their scenes must be equal."""
    folders = list(found)
    for folder in folders[1:]:
        if found[folder]["data_digest"] != found[folders[0]]["data_digest"]:
            raise records.RecordError(
                folder,
                f"its data digest is not that of {folders[0].name}, whose data "
                "options are equal: they cannot be averaged",
            )

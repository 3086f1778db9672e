"""What a run prints while it trains."""

import sys
import time

from reproduce.words import duration

REFRESH_SECONDS = 0.5


class Progress:
    """One line an epoch; on a terminal, a moving line between them as well."""

    def __init__(self, name, epochs, steps, done=0, stream=None):
        """Begins to measure.

        Args:
          name: of the run, the head of every line.
          epochs: number of epochs of the run.
          steps: steps an epoch.
          done: steps already taken by earlier processes.
          stream: text stream; None for standard output.
        """
        self.name, self.epochs, self.steps = name, epochs, steps
        self.stream = sys.stdout if stream is None else stream
        self.begun, self.first, self.shown = None, done, 0.0

    def step(self, taken):
        """Notes that `taken` steps of the whole run are done, from 1."""
        now = time.perf_counter()
        if self.begun is None:  # the first step compiles: not a measure of speed
            self.begun, self.first = now, taken
        if not self.stream.isatty() or now - self.shown < REFRESH_SECONDS:
            return
        self.shown = now
        epoch, step = divmod(taken - 1, self.steps)  # both from 0, of the last step
        self.stream.write(
            f"\r\033[K{self.name}  epoch {epoch + 1}/{self.epochs}  step "
            f"{step + 1}/{self.steps}  {self._left(taken)}"
        )
        self.stream.flush()

    def epoch(self, row, taken, name=None):
        """Prints an epoch's line: its test metrics, seconds and the time left.

        Args:
          row: of the history.
          taken: steps of the whole run that are done.
          name: the line's head, None for the run's own.
        """
        figures = [
            f"{name} {row[f'test_{key}']:.{digits}f}"
            for name, key, digits in (
                ("nELBO", "nelbo", 1),
                ("ACC", "acc", 3),
                ("SE", "se", 2),
                ("mIoU", "miou", 3),
            )
        ]
        start = "\r\033[K" if self.stream.isatty() else ""
        self.stream.write(
            f"{start}{name or self.name}  epoch {row['epoch']}/{self.epochs}  loss "
            f"{row['train_loss']:.1f}  test: {'  '.join(figures)}  "
            f"{row['seconds']:.0f} s  {self._left(taken)}\n"
        )
        self.stream.flush()

    def _left(self, taken):
        done = taken - self.first
        if self.begun is None or done < 1:
            return "time left unknown"
        per_step = (time.perf_counter() - self.begun) / done
        return f"{duration(per_step * (self.epochs * self.steps - taken))} left"

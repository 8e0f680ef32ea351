"""Measuring on a machine that does other work too: the cases take turns, and what counts is how they compare.

Medians tell what a run saw, other work included. The "quiet" ratio compares the 10th percentiles, what the cases cost
when they had the machine to themselves: two halves of the same connects differ by 12 % in the median under load, by
0.5 % in that.
"""

import gc
import random
import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple

# One measurement of one case, in the unit of its table.
Case = Callable[[], float]

# The order within a round is shuffled, so that no case always runs after the same other; alike in every run.
SEED = 5


class Table(NamedTuple):
    """Cases that took turns, and what each of them cost.

    Attributes:
        title: what was measured.
        unit: of the values.
        values: by the name of the case, one for each round; the first case is the baseline.
        notes: what a reader must know, such as a case that is missing and why.
    """

    title: str
    unit: str
    values: Mapping[str, list[float]]
    notes: tuple[str, ...] = ()

    @property
    def baseline(self) -> str:
        """The case that the others are compared with."""
        return next(iter(self.values))

    def median(self, case: str) -> float:
        """Give what a case costs, with whatever else the machine did."""
        return statistics.median(self.values[case])

    def quiet(self, case: str) -> float:
        """Give what a case costs while nothing else ran: the 10th percentile."""
        return statistics.quantiles(self.values[case], n=10, method="inclusive")[0]

    def summary(self) -> dict[str, dict[str, float]]:
        """Reduce each case to its median, minimum, 10th and 90th percentile, and its ratios to the baseline."""
        return {
            name: {
                "median": self.median(name),
                "min": min(values),
                "p10": self.quiet(name),
                "p90": statistics.quantiles(values, n=10, method="inclusive")[-1],
                "ratio": self.median(name) / self.median(self.baseline),
                "quiet_ratio": self.quiet(name) / self.quiet(self.baseline),
            }
            for name, values in self.values.items()
        }

    def __str__(self) -> str:
        heading = f"{self.title} ({self.unit})"
        width = max(map(len, (heading, *self.values))) + 1
        columns = ("median", "min", "p10", "p90", "ratio", "quiet")
        lines = [f"{heading:{width}}" + "".join(f"{column:>10}" for column in columns)]
        for name, row in self.summary().items():
            lines.append(f"{name:{width}}" + "".join(f"{number:10.3f}" for number in row.values()))
        return "\n".join([*lines, *self.notes])


def take_turns(title: str, unit: str, cases: Mapping[str, Case], rounds: int, notes: tuple[str, ...] = ()) -> Table:
    """Measure every case once in each round.

    Args:
        title: what is measured.
        unit: of what the cases return.
        cases: by name; the first one is the baseline.
        rounds: how many, at least two; an uncounted one comes first, to warm everything up.
        notes: what a reader must know.

    Returns:
        What was measured.
    """
    values: dict[str, list[float]] = {name: [] for name in cases}
    order = list(cases)
    shuffle = random.Random(SEED).shuffle  # noqa: S311 - the order of measurements is no secret
    for name in order:
        cases[name]()
    for _ in range(rounds):
        shuffle(order)
        # What one round leaves behind must not be collected during the next.
        gc.collect()
        for name in order:
            values[name].append(cases[name]())
    return Table(title, unit, values, notes)

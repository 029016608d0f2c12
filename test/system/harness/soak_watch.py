# SPDX-License-Identifier: BSD-2-Clause
"""Whether what the filter uses stays flat: descriptors, threads and memory, looked at again and again."""

import contextlib
import dataclasses
import statistics
import threading
import time

NAMES = ("descriptors", "threads", "memory")
WARM_UP = 0.25  # of the time; caches and pools fill then
MEGABYTE = 1 << 20
# By how much they may grow after that: sessions come and go, and memory is given back in its own time.
MOST_GROWTH = {"descriptors": (0.15, 16), "threads": (0.15, 16), "memory": (0.10, 12 * MEGABYTE)}
FEWEST_SAMPLES = 20


@dataclasses.dataclass
class Trend:
    """Of one value after the warm-up."""

    name: str
    start: float  # of the line through all samples
    fitted: float  # what the line gains until the end
    quarters: float  # the median of the last quarter less that of the second
    most: float

    def is_flat(self):
        return max(self.fitted, self.quarters) <= self.most

    def __str__(self):
        unit, word = (MEGABYTE, " MB") if self.name == "memory" else (1, "")
        return (f"{self.name}: {self.start / unit:.1f}{word} at first, fit {self.fitted / unit:+.1f}, last quarter "
                f"against second {self.quarters / unit:+.1f}, bound {self.most / unit:+.1f}")


def line_through(points):
    """Least squares: where the line begins and what it gains to the last point."""
    times, values = zip(*points)
    middle, mean = statistics.fmean(times), statistics.fmean(values)
    spread = sum((time - middle) ** 2 for time in times)
    slope = sum((time - middle) * (value - mean) for time, value in points) / spread if spread else 0.0
    return mean + slope * (times[0] - middle), slope * (times[-1] - times[0])


def trend_of(name, points):
    points = points[int(len(points) * WARM_UP):]
    start, gain = line_through(points)
    quarter = len(points) // 4
    second, last = ([value for _, value in some] for some in (points[quarter:2 * quarter], points[-quarter:]))
    share, floor = MOST_GROWTH[name]
    return Trend(name, start, gain, statistics.median(last) - statistics.median(second), max(share * start, floor))


class Watch:
    """A thread that takes samples: usage() gives a value for each of NAMES."""

    def __init__(self, usage, seconds):
        self._usage, self._seconds = usage, seconds
        self._samples = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self):
        with contextlib.suppress(OSError):  # the filter has ended
            while not self._over.wait(self._seconds):
                self._samples.append((time.monotonic(), *self._usage()))

    def stop(self):
        self._over.set()
        self._thread.join(30)

    def last(self):
        return self._samples[-1][1:] if self._samples else self._usage()

    def trends(self, names=NAMES):
        if len(self._samples) < FEWEST_SAMPLES:
            return []
        return [trend_of(name, [(each[0], each[1 + NAMES.index(name)]) for each in self._samples]) for name in names]

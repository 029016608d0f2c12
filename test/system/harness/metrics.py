# SPDX-License-Identifier: BSD-2-Clause
"""What the filter tells Prometheus."""

import http.client
import re

SERIES = re.compile(r'^([a-z_:]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def scrape(port, timeout=20):
    """The text of one scrape."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/metrics")
        reply = connection.getresponse()
        assert reply.status == 200, reply.status
        return reply.read().decode()
    finally:
        connection.close()


class Metrics:
    """The series of a scrape."""

    def __init__(self, text):
        self.text = text
        self._series = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = SERIES.match(line).groups()
            key = (name, frozenset(LABEL.findall(labels or "")))
            assert key not in self._series, f"{line} is there twice"
            self._series[key] = float(value)

    def value(self, name, **labels):
        """The sum of all series of this name with these labels; 0 when there is none."""
        wanted = set(labels.items())
        return sum(value for (each, own), value in self._series.items() if each == name and wanted <= own)

    def names(self):
        return {name for name, _ in self._series}

    def values_of(self, label):
        return {value for _, labels in self._series for name, value in labels if name == label}

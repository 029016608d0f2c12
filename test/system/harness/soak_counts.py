# SPDX-License-Identifier: BSD-2-Clause
"""Whether metrics, sluicectl, the tracking log, milter-load and Postfix have counted the same."""

TAKEN = ("accepted", "held", "discarded", "badmail")


class Counts:
    """As they stand when nothing is under way. `may_drop`: the disk of the tracking log was full."""

    def __init__(self, site, load, may_drop):
        self._site, self._load, self._may_drop = site, load, may_drop
        self._metrics, self._status = site.metrics(), site.status()
        self._taken = {name: self._metric("sluice_messages_total", outcome=name) for name in TAKEN}
        self._refusals = sum(self._metric("sluice_decisions_total", action=action) for action in ("refuse", "put-off"))
        self._dropped = self._metric("sluice_tracking_dropped_total")

    def _metric(self, name, **labels):
        return int(self._metrics.value(name, **labels))

    def __str__(self):
        told = {**self._taken, "refusals": self._refusals, "lines of the tracking log": self._site.tail.lines,
                "lines dropped": self._dropped}
        return ", ".join(f"{name} {count:,}" for name, count in told.items())

    def contradictions(self):
        lost = self._dropped + self._site.tail.broken
        wrong = [f"{what}: {one} and {other}" for what, one, other in self._equal() if one != other]
        wrong += [f"{what}: {one} and {other}, with {lost} lines lost" for what, one, other in self._tracked()
                  if not 0 <= one - other <= lost]
        if lost and not self._may_drop:
            wrong.append(f"{lost} lines of the tracking log were lost")
        if put_off := self._metric("sluice_messages_total", outcome="put_off"):
            wrong.append(f"{put_off} messages were put off")
        return wrong

    def _equal(self):
        """(what, one count, the other) of what must be the same."""
        ledger, status = self._site.ledger, self._status
        stored = len(list((self._site.base / "badmail" / "new").glob("*.eml")))
        yield "replies of Postfix and messages it queued", ledger.accepted_count, len(ledger) - ledger.unheard()
        for end in TAKEN[1:]:
            yield f"{end}, by metrics and by the tracking log", self._taken[end], len(ledger.ended(end))
        yield "badmail, by metrics and by its files", self._taken["badmail"], stored
        for what in ("written", "dropped"):
            yield (f"lines {what}, by metrics and by sluicectl", self._metric(f"sluice_tracking_{what}_total"),
                   status["tracking"][what])
        yield "open sessions, by metrics and by sluicectl", self._metric("sluice_sessions_open"), status["sessions"]
        for zone in status["dnsbl"]:
            yield (f"queries of {zone['zone']}, by metrics and by sluicectl",
                   self._metric("sluice_dnsbl_queries_total", zone=zone["zone"]), zone["queries"])

    def _tracked(self):
        """The same, where the second is of the tracking log and misses what that has lost."""
        ledger = self._site.ledger
        yield "messages by metrics, and RECEIVE events", sum(self._taken.values()), ledger.sum_of("RECEIVE")
        yield "messages of Postfix, and RECEIVE events", len(ledger), ledger.sum_of("RECEIVE", origin="mail")
        yield "messages of milter-load, and RECEIVE events", self._load, ledger.sum_of("RECEIVE", origin="load")
        yield ("refusals by metrics, and events", self._refusals,
               sum(ledger.sum_of(event, "refuse") for event in ("REFUSE", "LOOP", "DUPLICATE")))
        yield ("lines written, and lines read", self._metric("sluice_tracking_written_total"), self._site.tail.lines)

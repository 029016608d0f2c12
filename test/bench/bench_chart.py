# SPDX-License-Identifier: BSD-2-Clause
"""The results of scripts/bench as one SVG chart: messages a second of each filter, as bars beside the
null filter's. Readable on light and dark ground; each bar has its value as text."""

from html import escape

from bench_targets import LEAST_RATIO

WIDTH, LEFT, RIGHT = 860, 270, 70  # pixels; the bars stand between LEFT and WIDTH - RIGHT
BAR, GAP, GROUP_GAP, TITLE = 15, 2, 10, 34  # heights
# Colours once for light and once for dark ground: not every viewer knows variables.
STYLE = """
  text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328; }
  text.title { font-size: 16px; font-weight: 600; } text.part { font-size: 13px; font-weight: 600; }
  text.soft { fill: #59636e; } text.end { text-anchor: end; } text.middle { text-anchor: middle; }
  .ground { fill: #ffffff; }
  .first { fill: #2a6fbb; } .second { fill: #c2621b; } .other { fill: #7d8590; }
  .grid { stroke: #d1d9e0; } .null { stroke: #1f2328; } .target { stroke: #59636e; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } text.soft { fill: #9da7b1; } .ground { fill: #14181d; }
    .first { fill: #5b9fe6; } .second { fill: #e58a45; } .other { fill: #8b949e; }
    .grid { stroke: #3a424c; } .null { stroke: #e6edf3; } .target { stroke: #9da7b1; }
  }
"""
SERIES = {"memory": ("first", "sluice, store in memory"), "redis": ("second", "sluice, store in Redis"),
          "gate": ("other", "sluice without lists and loops")}
POSTFIX = {"none": ("other", "no filter"), "replying": ("other", "null filter, replies at every stage"),
           "sluice": ("first", "sluice"), "redis": ("second", "sluice, store in Redis"), "rspamd": ("other", "rspamd")}


def counted(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


def milter_groups(cells):
    """(label, bars) of each load; a bar is its class and its ratio."""
    merged = {}
    for cell in cells:
        label = f"{cell['socket']}, {counted(cell['connections'], 'connection')}, {counted(cell['messages'], 'message')}"
        bars = [(SERIES[name][0], result["ratio"]) for name, result in cell["filters"].items()
                if name in SERIES and result["ratio"] is not None]
        merged.setdefault(label, []).extend(bars)
    return list(merged.items())


def postfix_groups(result):
    return [(label, [(kind, result["to_null"][name])]) for name, (kind, label) in POSTFIX.items()
            if name in result["to_null"]]


def parts_of(results):
    """(heading, groups, legend) of each part of the chart."""
    cells = results.get("milter", []) + results.get("gate", [])
    if cells:
        shown = [SERIES[name] for name in SERIES if any(name in cell["filters"] for cell in cells)]
        yield "Milter protocol alone: connections at a time, messages on each", milter_groups(cells), shown
    if "postfix" in results:
        yield "Postfix end to end", postfix_groups(results["postfix"]), []


class Drawing:
    """Elements from top to bottom, in a scale from 0 to `most`."""

    def __init__(self, most):
        self.y = 0
        self._most = most
        self._elements = []

    def x(self, ratio):
        return LEFT + (WIDTH - RIGHT - LEFT) * ratio / self._most

    def text(self, x, words, kind="", raised=0):
        self._elements.append(f'<text x="{x:.1f}" y="{self.y - raised:.1f}" class="{kind}">{escape(words)}</text>')

    def rectangle(self, x, y, width, height, kind):
        self._elements.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" class="{kind}"/>')

    def upright(self, ratio, top, bottom, kind):
        x = self.x(ratio)
        self._elements.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" class="{kind}"/>')

    def document(self, title):
        height = self.y + 12
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
                f'height="{height}" role="img">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n'
                f'<rect width="{WIDTH}" height="{height}" class="ground"/>\n' + "\n".join(self._elements) + "\n</svg>\n")


def group_height(bars):
    return len(bars) * (BAR + GAP) - GAP


def draw_scale(drawing, top, bottom):
    ratio = 0.0
    while drawing.x(ratio) <= WIDTH - RIGHT + 0.5:
        drawing.upright(ratio, top, bottom, "null" if round(ratio, 2) == 1 else "grid")
        drawing.text(drawing.x(ratio), f"{ratio:g}", "soft middle")
        ratio += 0.25


def draw_group(drawing, label, bars):
    top = drawing.y
    drawing.y = top + group_height(bars) / 2 + 4
    drawing.text(LEFT - 10, label, "end")
    for number, (kind, ratio) in enumerate(bars):
        y = top + number * (BAR + GAP)
        drawing.rectangle(drawing.x(0), y, drawing.x(ratio) - drawing.x(0), BAR, kind)
        drawing.y = y + BAR - 3
        drawing.text(WIDTH - 16, f"{ratio:.2f}", "end")
    drawing.y = top + group_height(bars) + GROUP_GAP


def draw_legend(drawing, series):
    x = LEFT
    for kind, label in series:
        drawing.rectangle(x, drawing.y - 10, 11, 11, kind)
        drawing.text(x + 16, label)
        x += 40 + 6.3 * len(label)


def draw_part(drawing, heading, groups, series):
    drawing.y += TITLE
    drawing.text(16, heading, "part")
    if series:
        drawing.y += 20
        draw_legend(drawing, series)
    drawing.y += 18
    top = drawing.y
    bottom = top + sum(group_height(bars) + GROUP_GAP for _, bars in groups)
    drawing.y = bottom + 14
    draw_scale(drawing, top, bottom)
    if series:
        drawing.upright(LEAST_RATIO, top, bottom, "target")
    drawing.y = top - 4
    drawing.text(WIDTH - 16, "ratio", "soft end")
    drawing.y = top
    for label, bars in groups:
        draw_group(drawing, label, bars)
    drawing.y = bottom + 32
    drawing.text((LEFT + WIDTH - RIGHT) / 2, "messages a second, of those of the null filter in the same rounds",
                 "soft middle")


def chart_of(results):
    """A whole SVG document. Without a part that has ratios it says so."""
    parts = [(heading, groups, series) for heading, groups, series in parts_of(results) if groups]
    most = max((ratio for _, groups, _ in parts for _, bars in groups for _, ratio in bars), default=1.0)
    drawing = Drawing(max(1.0, most) * 1.02)
    title = "sluice beside a filter that only says yes"
    drawing.y = 30
    drawing.text(16, title, "title")
    machine = results["machine"]
    drawing.y += 20
    drawing.text(16, f"{machine['processor']}, {machine['cores']} cores. Line at 1: the null filter; dashed: "
                 f"{LEAST_RATIO}, the least that is wanted. Medians of rounds.", "soft")
    for part in parts:
        draw_part(drawing, *part)
    if not parts:
        drawing.y += TITLE
        drawing.text(16, "no ratios were measured")
    return drawing.document(title)

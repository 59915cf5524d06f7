#!/usr/bin/env python3
"""Makes reports/day12_batch_optimizer_enhanced.md, and the part between the markers of ADVANCED_42DAY_CHALLENGE_PLAN.md.

    scripts/make_day12_report.py            writes both
    scripts/make_day12_report.py --check    exits 1 where one of them differs from what would be written

Figures come from reports/benchmarks/*.json (scripts/day12_figures.py says how), words and the baseline's figures from reports/day12.json.
Exits 2 where a file is damaged. Needs nothing but Python.
"""

import argparse
import json
import pathlib
import sys

from day12_figures import read_figures
from make_benchmarks_doc import UNKNOWN, BadFile, check, code, escaped

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORT = "reports/day12_batch_optimizer_enhanced.md"
PLAN = "ADVANCED_42DAY_CHALLENGE_PLAN.md"
BEGIN, END = "<!-- made by scripts/make_day12_report.py -->", "<!-- end -->"
NOT_MEASURED = "not measured"
HEAD = """# Day 12: the enhanced batch optimizer

batchfit began as the batch optimizer of Day 12 of a 42-day challenge. This page holds it against that: first feature by feature, then figure by figure.
`scripts/make_day12_report.py` makes it from saved results; do not edit it by hand. A figure that was wanted and missed says **missed**. What was not measured yet says so.
"""
BEFORE_FIGURES = """
## Figure by figure

How to read it:
- *before* is the baseline's figure, or what was usual where nothing of the baseline is known. The number in brackets is its source, below.
- Those figures are of an H200. Where batchfit's were measured says the last table. The devices differ, so ratios of the two are no speed-ups.
- The baseline timed ordinary calls, batchfit times replays of a CUDA graph. At small batches an ordinary call is mostly launch noise. So the two answer unlike batches to one
  question, and what can be compared is whether an answer comes again.
- A dash under *wanted*: no figure was asked for.
"""


def read_raw(folder):
    """The raw results by name."""
    raw = {}
    for path in sorted(folder.glob("*.json")):
        try:
            raw[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadFile(f"{path.name}: is not valid JSON ({error})") from error
        check(raw[path.stem], path.name)
    return raw


def read_words(path, figures):
    """reports/day12.json, every figure and source that it names being there."""
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadFile(f"{path.name}: is not valid JSON ({error})") from error
    named = [key for part in (*words["features"], *words["criteria"]) for key in part["figures"]] + list(words["baseline"])
    for key in named:
        if key not in figures:
            raise BadFile(f"{path.name}: there is no figure '{key}' in day12_figures.py")
    for key, known in words["baseline"].items():
        if known["source"] not in words["sources"]:
            raise BadFile(f"{path.name}: the source of '{key}' is not named")
    return words


def table(headings, rows):
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def link(name, folder):
    return f"[{name}]({folder}{name}.json)"


def met_text(figure):
    if figure.value is None:
        return NOT_MEASURED
    return {None: UNKNOWN, True: "met", False: "**missed**"}[figure.met]


def tally(part, figures):
    """"5 met, 1 missed, 2 not measured": of the figures that a feature or a criterion names and for which something was wanted."""
    said = [met_text(figures[key]) for key in part["figures"] if figures[key].wanted]
    return ", ".join(f"{said.count(text)} {text}" for text in ("met", "**missed**", NOT_MEASURED) if text in said)


def feature_table(words, figures):
    rows = []
    for feature in words["features"]:
        docs = ", ".join(f"[{name}](../docs/{name})" for name in feature["docs"])
        rows.append([escaped(feature["asked"]), escaped(feature.get("baseline", UNKNOWN)), escaped(feature["here"]), code(feature["command"]),
                     tally(feature, figures) or UNKNOWN, docs])
    return table(["Day 12 asked for", "the baseline", "batchfit", "command", "figures that were wanted", "more"], rows)


def figure_tables(words, figures, raw):
    sources = list(words["sources"])
    out, group = "", None
    groups = dict.fromkeys(figure.group for figure in figures.values())
    for group in groups:
        rows = []
        for figure in figures.values():
            if figure.group != group:
                continue
            before = words["baseline"].get(figure.key)
            known = f"{escaped(before['text'])} ({sources.index(before['source']) + 1})" if before else UNKNOWN
            source = link(figure.file, "benchmarks/") if figure.file in raw else f"{figure.file}.json"
            rows.append([escaped(figure.what), known, escaped(figure.value or NOT_MEASURED), escaped(figure.wanted or UNKNOWN), met_text(figure), source])
        out += f"\n### {group}\n\n" + table(["figure", "before", "batchfit", "wanted", "state", "raw results"], rows)
    return out


def missed(figures, raw):
    """What was wanted and is not there, with what the raw results say of it."""
    out = ""
    for figure in figures.values():
        if figure.wanted is None or (figure.met and figure.value is not None):
            continue
        if figure.value is None:
            out += f"- {escaped(figure.group)}: {escaped(figure.what)}. Not measured yet ({figure.file}.json); wanted: {escaped(figure.wanted)}.\n"
            continue
        notes = "".join(f" {escaped(note)}" for note in raw[figure.file].get("notes", []))
        out += f"- {escaped(figure.group)}: {escaped(figure.what)}. Missed: {escaped(figure.value)}; wanted: {escaped(figure.wanted)}.{notes}\n"
    return out or "Nothing.\n"


def make_report(words, figures, raw):
    said = [figure for figure in figures.values() if figure.wanted]
    met = sum(bool(figure.value and figure.met) for figure in said)
    absent = sum(figure.value is None for figure in said)
    out = HEAD
    out += f"\nOf {len(said)} figures for which something was wanted, {met} are met, {len(said) - met - absent} missed and {absent} not measured yet.\n"
    out += "\n## Feature by feature\n\nA dash: nothing is known here of what the baseline did.\n\n" + feature_table(words, figures)
    out += BEFORE_FIGURES
    out += figure_tables(words, figures, raw)
    out += "\n## What was missed, or is not measured yet\n\n" + missed(figures, raw)
    out += "\n## Where the figures before come from\n\n" + "".join(f"{i}. {escaped(text)}\n" for i, text in enumerate(words["sources"].values(), 1))
    others = [f"{link(name, 'benchmarks/')} ({escaped(data['title'])})" for name, data in raw.items() if name not in {figure.file for figure in figures.values()}]
    used = dict.fromkeys(figure.file for figure in figures.values() if figure.file in raw)
    rows = [[link(name, "benchmarks/"), code(raw[name]["command"]), escaped(raw[name]["device"]), code(raw[name]["commit"]), escaped(raw[name]["time"])] for name in used]
    out += "\n## Where batchfit's figures come from\n\nOne raw result a line; [docs/benchmarks.md](../docs/benchmarks.md) shows every row of them, also of those that are not named here.\n\n"
    out += table(["raw results", "command", "device", "commit", "time"], rows)
    return out + (f"\nOther raw results: {', '.join(others)}.\n" if others else "")


def criterion_row(criterion, figures, raw):
    lines, files = [], {}
    for figure in (figures[key] for key in criterion["figures"]):
        short = "" if figure.met is not False else f" (**missed**; wanted: {escaped(figure.wanted)})"
        lines.append(f"{escaped(figure.what)}: {escaped(figure.value or NOT_MEASURED)}{short}")
        if figure.file in raw:
            files[figure.file] = link(figure.file, "reports/benchmarks/")
    state = "; ".join(filter(None, (escaped(criterion.get("state", "")), tally(criterion, figures))))
    return [escaped(criterion["text"]), state, "<br>".join(lines), ", ".join(files.values()) or UNKNOWN]


def plan_section(words, figures, raw):
    there = [[escaped(feature["asked"]), escaped(feature["here"]), code(feature["command"])] for feature in words["features"]]
    held = [criterion_row(criterion, figures, raw) for criterion in words["criteria"]]
    return "\n" + table(["planned", "there", "how to see it"], there) + "\n" + table(["criterion", "state", "figures", "raw results"], held) + "\n"


def with_section(plan, section, name):
    head, begin, rest = plan.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise BadFile(f"{name}: the markers '{BEGIN}' and '{END}' are not there")
    return head + BEGIN + "\n" + section + END + tail


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where something is not up to date")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="of the repository")
    options = parser.parse_args(arguments)
    try:
        raw = read_raw(options.root / "reports/benchmarks")
        figures = {figure.key: figure for figure in read_figures(raw)}
        words = read_words(options.root / "reports/day12.json", figures)
        plan = (options.root / PLAN).read_text(encoding="utf-8")
        made = {REPORT: make_report(words, figures, raw), PLAN: with_section(plan, plan_section(words, figures, raw), PLAN)}
    except BadFile as error:
        print(error, file=sys.stderr)
        return 2
    stale = [name for name, text in made.items() if not (options.root / name).exists() or (options.root / name).read_text(encoding="utf-8") != text]
    if options.check:
        for name in stale:
            print(f"{name} is not what the raw results give; run scripts/make_day12_report.py", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (options.root / name).write_text(made[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

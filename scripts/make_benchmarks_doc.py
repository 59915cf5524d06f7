#!/usr/bin/env python3
"""Makes docs/benchmarks.md from reports/benchmarks/*.json (their fields: reports/benchmarks/README.md).

    scripts/make_benchmarks_doc.py            writes the page
    scripts/make_benchmarks_doc.py --check    exits 1 where the page differs from what would be written

Exits 2 where a raw file is damaged. Needs nothing but Python.
"""

import argparse
import datetime
import json
import math
import pathlib
import re
import sys

UNKNOWN = "–"
HEAD = """# Benchmarks

Made by `scripts/make_benchmarks_doc.py` from the raw results in [reports/benchmarks](../reports/benchmarks); do not edit by hand.
Each section names the command, the commit, the device, the versions and the time of its measurements.
"""


class BadFile(Exception):
    """A raw file that does not follow the schema; the text names the file and the field."""


def three_digits(value):
    if value == 0:
        return "0"
    decimals = 2 - math.floor(math.log10(abs(value)))
    value = round(value, decimals)  # may carry into one digit more: 9.996 is 10.0
    decimals = 2 - math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, decimals)}f}"


def in_unit(value, units):
    """`units`: (least value, divisor, name), the largest first; the last one takes what remains."""
    for least, divisor, name in units:
        if abs(value) >= least:
            break
    return f"{three_digits(value / divisor)} {name}"


FORMATS = {
    "seconds": lambda s: in_unit(s, [(0.9995, 1, "s"), (0.9995e-3, 1e-3, "ms"), (0, 1e-6, "us")]),
    "bytes": lambda b: in_unit(b, [(2**30, 2**30, "GiB"), (2**20, 2**20, "MiB"), (2**10, 2**10, "KiB"), (0, 1, "B")]),
    "percent": lambda share: f"{three_digits(share * 100)} %",
    "count": lambda count: f"{count:,.0f}",
    "ratio": lambda ratio: f"{three_digits(ratio)}x",
    "number": three_digits,
}


def escaped(text):
    """One line in which Markdown and HTML find no markup."""
    text = " ".join(str(text).split())
    for plain, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(plain, safe)
    return re.sub(r"([\\|`*\[\]])", r"\\\1", text)


def code(text):
    """A code span; a longer fence where the text itself holds backticks."""
    text = " ".join(str(text).split())
    fence = "`"
    while fence in text:
        fence += "`"
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def cell(value, form):
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escaped(value) if form is None else FORMATS[form](value)


def check(data, name):
    def need(holds, what):
        if not holds:
            raise BadFile(f"{name}: {what}")

    need(isinstance(data, dict), "is not one JSON object")
    for field in ("title", "what", "command", "commit", "device", "time"):
        need(isinstance(data.get(field), str) and data[field].strip(), f"'{field}' must be a text that is not empty")
    versions = data.get("versions")
    texts = isinstance(versions, dict) and all(isinstance(version, str) for version in versions.values())
    need(texts, "'versions' must be an object of texts")
    try:
        moment = datetime.datetime.fromisoformat(data["time"].replace("Z", "+00:00"))
    except ValueError:
        moment = None
    exact = moment is not None and moment.tzinfo is not None
    need(exact, "'time' must be ISO 8601 with its offset, as 2026-11-20T14:05:00Z")
    columns = data.get("columns")
    need(isinstance(columns, list) and columns, "'columns' must be a list that is not empty")
    for column in columns:
        named = isinstance(column, dict) and all(isinstance(column.get(key), str) for key in ("key", "title"))
        need(named, "each of 'columns' needs 'key' and 'title'")
        form = column.get("format")
        need(form is None or form in FORMATS, f"format '{form}' is unknown; there are {', '.join(FORMATS)}")
    rows = data.get("rows")
    need(isinstance(rows, list) and all(isinstance(row, dict) for row in rows), "'rows' must be a list of objects")
    for number, row in enumerate(rows, 1):
        for column in columns:
            value = row.get(column["key"])
            fits = value is None or column.get("format") is None or is_number(value)
            need(fits, f"row {number}: '{column['key']}' must be a number to be shown as {column.get('format')}")
    notes = data.get("notes", [])
    need(isinstance(notes, list) and all(isinstance(note, str) for note in notes), "'notes' must be a list of texts")


def table(columns, rows):
    def line(cells):
        return "| " + " | ".join(cells) + " |\n"

    out = line(escaped(column["title"]) for column in columns)
    out += line("---:" if column.get("format") else "---" for column in columns)
    for row in rows:
        out += line(cell(row.get(column["key"]), column.get("format")) for column in columns)
    return out


def section(data, name):
    versions = ", ".join(f"{escaped(key)} {escaped(value)}" for key, value in sorted(data["versions"].items()))
    facts = [f"command: {code(data['command'])}", f"device: {escaped(data['device'])}"]
    facts += [f"versions: {versions}"] if versions else []
    raw = f"[{escaped(name)}](../reports/benchmarks/{name})"
    facts += [f"commit {code(data['commit'])}, {escaped(data['time'])}; raw results: {raw}"]
    out = f"\n## {escaped(data['title'])}\n\n{escaped(data['what'])}\n\n"
    out += "".join(f"- {fact}\n" for fact in facts)
    out += "\n" + table(data["columns"], data["rows"])
    for note in data.get("notes", []):
        out += f"\n{escaped(note)}\n"
    return out


def make_page(folder):
    """The page of all raw files in the folder, in the order of their names."""
    page = HEAD
    files = sorted(folder.glob("*.json"), key=lambda path: path.name)
    for path in files:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadFile(f"{path.name}: is not valid JSON ({error})") from error
        check(data, path.name)
        page += section(data, path.name)
    return page if files else page + "\nThere are no raw results yet.\n"


def main(arguments=None):
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="Makes docs/benchmarks.md from reports/benchmarks/*.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the page is not up to date")
    parser.add_argument("--raw", type=pathlib.Path, default=root / "reports/benchmarks", help="folder of the raw results")
    parser.add_argument("--page", type=pathlib.Path, default=root / "docs/benchmarks.md", help="the page to write or check")
    options = parser.parse_args(arguments)
    try:
        made = make_page(options.raw)
    except BadFile as error:
        print(f"{error}; reports/benchmarks/README.md has the schema", file=sys.stderr)
        return 2
    if not options.check:
        options.page.write_text(made, encoding="utf-8")
        return 0
    present = options.page.read_text(encoding="utf-8") if options.page.exists() else None
    if present == made:
        return 0
    print(f"{options.page} is not what the raw results give; run scripts/make_benchmarks_doc.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Holds `dunlin import table` to a folder of test cases in the format of the public DMN compatibility kit.

    tests/dmn/kit.py build/dev/dunlin FOLDER [--reasons] [--rounded]

Every MODEL.dmn below FOLDER with a MODEL-test-NN.xml beside it is imported and its cases are computed, with figures rounded at the sixth place where that is asked for. Prints each decision that differs, the
reasons of what is refused with how often they came, and a tally. Ends with 1 if anything differs, or if FOLDER has no cases.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys


def run(dunlin, model, cases, more):
    done = subprocess.run([dunlin, "import", "table", str(model), "--test", str(cases), "--json", *more], capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout), ""
    except json.JSONDecodeError:
        return None, (done.stderr or done.stdout).strip()


def without_names(reason):
    """One line for all decisions that are refused for the same reason."""
    reason = reason.rsplit("`: ", 1)[-1] if reason.startswith("decision `") else reason
    return re.sub(r"the figure -?[0-9.]+", "a figure", re.sub(r"`[^`]*`", "`…`", reason))


def main(arguments):
    words = [one for one in arguments if not one.startswith("--")]
    if len(words) != 2:
        print(__doc__)
        return 2
    dunlin, folder = words
    counts, reasons, models = collections.Counter(), collections.Counter(), 0
    for model in sorted(pathlib.Path(folder).rglob("*.dmn")):
        for cases in sorted(model.parent.glob(model.stem + "-test-*.xml")):
            models += 1
            found, error = run(dunlin, model, cases, ["--rounded"] if "--rounded" in arguments else [])
            if found is None:
                counts["different"] += 1
                print(f"{model.stem}: {error}")
                continue
            for line in found.get("results", []):
                counts[line["outcome"]] += 1
                if line["outcome"] == "different":
                    print(f"{model.stem}, case {line['test']}, {line['decision']}: expected {line['expected']}, interpreter {line['interpreter']}, native {line['native']}")
                elif line["outcome"] == "refused":
                    reasons[without_names(line["reason"])] += 1
            if "error" in found:
                counts["refused"] += 1
                reasons[without_names(found["refused"][0]["reason"] if found.get("refused") else found["error"])] += 1
    if "--reasons" in arguments:
        for reason, count in reasons.most_common():
            print(f"{count:5}  {reason}")
    print(f"{models} files of cases: {counts['equal']} equal, {counts['different']} different, {counts['refused']} refused")
    return 1 if counts["different"] or not models else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

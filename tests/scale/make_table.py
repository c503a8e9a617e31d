#!/usr/bin/env python3
"""Writes a bundle with one table of many rows in a CSV file.

    make_table.py FOLDER [--rows 100000] [--policy first]

The rows are told apart by a region and an interval of codes, as tariffs and lists of postal codes are.
"""
import argparse
import pathlib
import random

HEAD = """bundle big "Big" {
  timezone UTC
  currency EUR
  calendar none
}
enum region { north, east, south, west }
entity account {
  key id : text
  code : int
  lives : region
}
"""

USE = """extend account { fee = tariff(lives, code)%s }
strategy charge for account {
  enrol when fee > 10
  stage waiting { after 3 days : go done }
  final stage done { enrol again when fee > 900 }
}
"""


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--policy", default="first", choices=["first", "unique", "any", "priority", "sum", "min", "max", "count", "collect"])
    wanted = options.parse_args()
    rng = random.Random(1)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    text = HEAD + f'table tariff(lives : region, code : int) -> (fee : money) {wanted.policy} from "tariff.csv"\n'
    if wanted.policy == "collect":
        text += USE.replace("tariff(lives, code)%s", "sum(r for r in tariff(lives, code))")
    else:
        text += USE % (" default 0" if wanted.policy in ("min", "max") else "")
    if wanted.policy == "count":
        text = text.replace("fee > 10", "fee > 0").replace("fee > 900", "fee > 1")
    (wanted.folder / "bundle.dun").write_text(text)
    with open(wanted.folder / "tariff.csv", "w") as out:
        out.write("lives,code,fee\n")
        for row in range(wanted.rows):
            region = ("north", "east", "south", "west")[row % 4]
            out.write(f"{region},{row // 4 * 10}..{row // 4 * 10 + 9},{rng.randrange(1000)}.50\n")
        if wanted.policy in ("first", "unique", "any", "priority"):
            out.write("otherwise,,0\n")
    print(f"{wanted.rows} rows, policy {wanted.policy}, in {wanted.folder}")


if __name__ == "__main__":
    main()

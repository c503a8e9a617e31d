#!/usr/bin/env python3
"""Writes a bundle of many files, for measuring what the checker does with it.

    make_bundle.py FOLDER [--files 500] [--lines 50000] [--mistakes 0] [--seed 1]

Each file is a department's module: fields, segmentations, tables, functions, a queue, a strategy and a test, with names of its own
and references into other files. `--mistakes N` misspells N names, each in a place of its own.
"""
import argparse
import pathlib
import random

HEAD = """bundle large "Large" {
  timezone UTC
  currency EUR
  calendar none
  day starts 06:00
}
entity account {
  key id : text
  balance : money
  begun : date?
  score : int in 300..850
  dpd : int in 0..3_000
  desk : int in 0..100_000
}
event payment of account { amount : money }
"""

PIECE = """/// How late and how much: %(n)s.
extend account {
  due_%(n)s = days(begun, today) default %(k)d
  part_%(n)s = balance * 10%% + money_of(%(k)d)
  paid_%(n)s = sum(payment.amount within %(w)d days)
}

segmentation band_%(n)s for account {
  early when due_%(n)s < 30
  middle when due_%(n)s < 90 and balance > 100
  otherwise late
}

table fee_%(n)s(band : band_%(n)s, balance : money) -> (fee : money) unique {
  | band         | balance  || fee |
  | early        | any      || 0   |
  | middle, late | < 1_000  || 5   |
  | middle, late | >= 1_000 || 10  |
}

function share_%(n)s(a : money) -> money = a * 3%% + money_of(%(k)d)

/// Calls about %(n)s.
outcomes call_%(n)s of account {
  reached { promises (amount : money, due : date), refuses }
  no_answer
}
queue call_%(n)s {
  outcomes call_%(n)s
  cost 2.00
}

strategy late_%(n)s "Late by %(n)s" for account {
  enrol when desk = %(i)d and dpd > %(k)d and due_%(n)s > %(k)d and score < %(s)d
  when balance <= 0 : go settled
  stage reminder {
    after %(d)d days : go calling
  }
  stage calling {
    keep call_%(n)s "soft" while band_%(n)s != early and balance > %(k)d {
      again 2 days
      attempts at most 3 per day, 12 in stage
      priority { late: dpd, amount: if fee_%(n)s(band_%(n)s, balance) > 5 then 50 else 20 }
    }
    on call_%(n)s.reached.promises : go promised
    when paid_%(n)s > share_%(other)s(balance) : go promised
  }
  stage promised {
    after 7 days : go calling
  }
  final stage settled { enrol again when balance > %(k)d }
}

test "late by %(n)s" {
  given account { balance: 0, score: 600, dpd: 0, desk: %(i)d }
  at 2026-03-01 :
    expect no task call_%(n)s
}

"""


def misspelt(text, rng, count):
    """Puts wrong names where names of this bundle stand."""
    import re
    places = [m for m in re.finditer(r"\b(due|part|paid|share|band|call)_[a-z]+\d+_\d+", text)]
    for place in sorted(rng.sample(places, min(count, len(places))), key=lambda m: -m.start()):
        name = place.group(0)
        text = text[:place.start()] + name[0] + name[2:] + "x" + text[place.end():]
    return text


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--files", type=int, default=500)
    options.add_argument("--lines", type=int, default=50_000)
    options.add_argument("--mistakes", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    wanted = options.parse_args()
    rng = random.Random(wanted.seed)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    (wanted.folder / "bundle.dun").write_text(HEAD)
    per_file = max(1, round(wanted.lines / wanted.files / PIECE.count("\n")))
    names = [[f"f{f}_{i}" for i in range(per_file)] for f in range(wanted.files)]
    texts = []
    for own in names:
        text = ""
        for i, n in enumerate(own):
            text += PIECE % {"n": n, "other": rng.choice(rng.choice(names)), "k": rng.randrange(100), "w": rng.randrange(10, 90),
                             "s": rng.randrange(400, 800), "d": rng.randrange(2, 9), "i": len(texts) * per_file + i}
        texts.append(text)
    for f, text in enumerate(texts):
        mistakes = wanted.mistakes * (f + 1) // wanted.files - wanted.mistakes * f // wanted.files
        (wanted.folder / f"part{f:03}.dun").write_text(misspelt(text, rng, mistakes) if mistakes else text)
    lines = sum(text.count("\n") for text in texts) + HEAD.count("\n")
    print(f"{wanted.files + 1} files, {lines} lines in {wanted.folder}")


if __name__ == "__main__":
    main()

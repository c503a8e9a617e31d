#!/usr/bin/env python3
"""Every field that /openapi.json describes was seen by one of the tests of the API, or stands below with the reason why that is left to chance: a field that is described and
never comes is a promise that nobody keeps. Reads what those tests have kept (answers.py): answers_test.py DUNLIN FOLDER TEST…"""
import json, os, sys

# Fields that a test sees by chance only, and why.
BY_CHANCE = {f"POST /v1/campaigns/release.items[].{field}": "the server releases by itself, and is faster than who asks" for field in ("name", "released", "settled", "waiting")}
BY_CHANCE["GET /readyz.disk"] = "it needs a full disk: full_disk_test"

dunlin, folder, tests = sys.argv[1], sys.argv[2], sys.argv[3:]
binary = [os.stat(dunlin).st_mtime_ns, os.stat(dunlin).st_size]
seen, described, missing = set(), set(), []
for test in tests:
    try:
        with open(f"{folder}/{test}.json") as file:
            kept = json.load(file)
    except (OSError, ValueError):
        kept = {}
    if kept.get("binary") != binary:
        missing.append(test)
        continue
    seen |= set(kept["seen"])
    described |= set(kept["described"])
if missing:
    print("skipped: what these tests see of this build is not known, they were skipped or did not run:", *missing)
    sys.exit(77)
dead = sorted(described - seen - set(BY_CHANCE))
stale = sorted(set(BY_CHANCE) - described)
for field in dead:
    print(f"FAILED {field} is described, and no answer ever had it")
for field in stale:
    print(f"FAILED {field} stands among those that are seen by chance, and is not described")
print(f"{len(described)} fields described, {len(described & seen)} seen, {len(BY_CHANCE)} by chance; {len(dead) + len(stale)} failures")
sys.exit(1 if dead or stale or not described else 0)

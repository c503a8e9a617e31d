#!/usr/bin/env python3
"""What a change of one line costs `dunlin check --watch`, beside the first check of the bundle.

    recheck.py DUNLIN STDLIB [--files 500] [--lines 50000] [--changes 20] [--share 0.34] [--growth MEGABYTES] [--compare]

Writes a bundle (tests/scale/make_bundle.py), lets it be checked, and changes one line again and again: a figure, a name that is then unknown, and back.
Ends with 1 where the median change takes more than `share` of the first check's processor time, or the memory grows by more than `growth` between the
first quarter of the changes and the last. `--compare`: every answer must be what `dunlin check --json` says of the same files.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def megabytes(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text()).group(1)) / 1024


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("dunlin")
    options.add_argument("stdlib")
    options.add_argument("--files", type=int, default=500)
    options.add_argument("--lines", type=int, default=50_000)
    options.add_argument("--changes", type=int, default=20)
    options.add_argument("--share", type=float)
    options.add_argument("--growth", type=float)
    options.add_argument("--compare", action="store_true")
    wanted = options.parse_args()
    failures = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "large"
        subprocess.run([sys.executable, HERE.parent / "scale/make_bundle.py", folder, "--files", str(wanted.files), "--lines", str(wanted.lines)], check=True)
        path = sorted(folder.glob("part*.dun"))[wanted.files // 2]
        text = path.read_text()
        place = re.search(r"default (\d+)\n", text[len(text) // 2:]).start(1) + len(text) // 2
        beside = pathlib.Path(temporary) / "changed"
        environment = {**os.environ, "DUNLIN_STDLIB": wanted.stdlib}
        server = subprocess.Popen([wanted.dunlin, "check", "--watch", "--json", folder], stdout=subprocess.PIPE, text=True, env=environment)
        try:
            first = json.loads(server.stdout.readline())
            if not first["good"]:
                failures.append("the bundle is not good")
            wall, processor, memory = [], [], []
            for change in range(wanted.changes):
                written = [f"{change % 9}", "unknown_name", "7 +", "1"][change % 4]
                beside.write_text(text[:place] + written + text[place + 1:])
                os.replace(beside, path)  # half a file is never seen
                answer = json.loads(server.stdout.readline())
                wall.append(answer["milliseconds"])
                processor.append(answer["processor_milliseconds"])
                memory.append(megabytes(server))
                if answer["read_anew"] > 2:
                    failures.append(f"change {change} read {answer['read_anew']} groups of declarations anew")
                if wanted.compare:
                    scratch = subprocess.run([wanted.dunlin, "check", "--json", folder], capture_output=True, text=True, env=environment)
                    told = json.loads(scratch.stdout)
                    if told["diagnostics"] != answer["diagnostics"] or told["good"] != answer["good"]:
                        failures.append(f"change {change} is told differently from scratch: {answer['diagnostics']} and {told['diagnostics']}")
                    if answer["good"] and told["summary"]["content_hash"] != answer["content_hash"]:
                        failures.append(f"change {change}: another version than from scratch")
            server.send_signal(signal.SIGINT)
            if server.wait(timeout=60) != 0:
                failures.append(f"ended with {server.returncode}")
        finally:
            server.kill()
    share = statistics.median(processor) / first["processor_milliseconds"]
    quarter = max(1, len(memory) // 4)
    growth = statistics.median(memory[-quarter:]) - statistics.median(memory[:quarter])
    print(f"first check {first['milliseconds']:.0f} ms ({first['processor_milliseconds']:.0f} ms of processor time)")
    print(f"after a change: median {statistics.median(wall):.0f} ms, 99% {percentile(wall, 0.99):.0f} ms "
          f"({statistics.median(processor):.0f} and {percentile(processor, 0.99):.0f} ms of processor time), {share:.2f} of the first")
    print(f"memory {memory[0]:.0f} MB at first, {memory[-1]:.0f} MB after {len(memory)} changes")
    if wanted.share and share > wanted.share:
        failures.append(f"a change takes {share:.2f} of the first check, more than {wanted.share}")
    if wanted.growth and growth > wanted.growth:
        failures.append(f"the memory grew by {growth:.0f} MB")
    for failure in failures:
        print("FAILED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

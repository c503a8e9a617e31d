#!/usr/bin/env python3
"""Large bundles and large tables, with generous bounds: they hold in a debug build, and break where something turns quadratic.

    scale_test.py DUNLIN STDLIB
"""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DUNLIN, STDLIB = sys.argv[1], sys.argv[2]
FAILURES = []


def run(*command):
    """Output, exit code, seconds of processor time (so that a busy machine does not count) and megabytes at the peak."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "DUNLIN_STDLIB": STDLIB})
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return output, process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def expect(what, holds, output=""):
    if not holds:
        FAILURES.append(what)
        print("FAILED:", what)
        print(output[-3000:])


def make(script, *arguments):
    subprocess.run([sys.executable, HERE / script, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def checks(what, folder, seconds_max, megabytes_max, code=0):
    output, exit_code, seconds, megabytes = run(DUNLIN, "check", folder)
    print(f"{what}: {seconds:.1f} s, {megabytes:.0f} MB")
    expect(f"{what}: exit code {code}, not {exit_code}", exit_code == code, output)
    expect(f"{what}: {seconds:.1f} s of at most {seconds_max}", seconds <= seconds_max)
    expect(f"{what}: {megabytes:.0f} MB of at most {megabytes_max}", megabytes <= megabytes_max)
    return output, seconds


def main():
    with tempfile.TemporaryDirectory() as place:
        make("make_bundle.py", f"{place}/small", "--files", 40, "--lines", 2_500)
        make("make_bundle.py", f"{place}/large", "--files", 80, "--lines", 10_000)
        _, small = checks("a bundle of 40 files", f"{place}/small", 60, 1_000)
        _, large = checks("four times as much", f"{place}/large", 240, 1_500)
        expect(f"four times as much takes {large / small:.1f} times as long", large < 10 * small + 1)

        make("make_bundle.py", f"{place}/wrong", "--files", 80, "--lines", 10_000, "--mistakes", 600)
        output, wrong = checks("with 600 mistakes", f"{place}/wrong", 240, 1_500, code=1)
        expect("mistakes have near matches", "did you mean" in output, output)
        expect(f"mistakes cost {wrong:.1f} s, no mistakes {large:.1f} s", wrong < 2 * large + 1)

        unknown = pathlib.Path(place) / "unknown"
        make("make_bundle.py", unknown, "--files", 1, "--lines", 100)
        lines = "".join(f"  derived_number_{i} = score + derived_nubmer_{i + 1}\n" for i in range(20_000))
        (unknown / "wrong.dun").write_text("extend account {\n" + lines + "}\n")
        output, _ = checks("20,000 wrong names among 20,000 right ones", unknown, 120, 1_500, code=1)
        expect("of which some have near matches", "did you mean" in output, output)

        for policy in ("first", "sum", "collect"):
            make("make_table.py", f"{place}/{policy}", "--rows", 100_000, "--policy", policy)
            output, _ = checks(f"a table of 100,000 rows, {policy}", f"{place}/{policy}", 120, 3_000)
            expect(f"{policy}: what fits together is decided", "not decided" not in output, output)

        make("make_bundle.py", f"{place}/typing", "--files", 10, "--lines", 6_000)
        typed = subprocess.run([sys.executable, HERE / "keystroke.py", DUNLIN, f"{place}/typing", "--keys", "6", "--bound", "20000", "--stdlib", STDLIB],
                               capture_output=True, text=True, timeout=400)
        print("typing:", typed.stdout.strip())
        expect("typing: " + typed.stderr.strip(), typed.returncode == 0)
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Times what an editor waits for: from a keystroke to its diagnostics.

    keystroke.py DUNLIN FOLDER [--file part003.dun] [--keys 9] [--bound MILLISECONDS]

Opens a file of the bundle in `dunlin lsp`, changes one figure again and again, and waits for the diagnostics after each change.
Ends with 1 where the median lies above the bound.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def processor_ms(process):
    """Of all its threads so far: what a busy machine does not spoil."""
    return sum(int(task.read_text().split()[0]) for task in pathlib.Path(f"/proc/{process.pid}/task").glob("*/schedstat")) / 1e6


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.next_id = 0

    def send(self, method, params, request=False):
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if request:
            self.next_id += 1
            message["id"] = self.next_id
        text = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(text) + text)
        self.process.stdin.flush()

    def read(self):
        length = 0
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit("the server ended")
            if line.strip() == b"":
                break
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def wait_for(self, wanted):
        while True:
            message = self.read()
            if wanted(message):
                return message


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("dunlin")
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--file", default="part003.dun")
    options.add_argument("--keys", type=int, default=9)
    options.add_argument("--bound", type=float)
    options.add_argument("--pause", type=float, default=20, help="milliseconds between keystrokes")
    options.add_argument("--stdlib")
    wanted = options.parse_args()
    folder = wanted.folder.resolve()
    path = folder / wanted.file
    uri = path.as_uri()
    text = path.read_text()
    place = re.search(r"days\(begun, today\) default (\d+)", text[len(text) // 2:]).start(1) + len(text) // 2
    server = Server([wanted.dunlin, "lsp"] + (["--stdlib", wanted.stdlib] if wanted.stdlib else []))
    server.send("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}}, request=True)
    server.wait_for(lambda m: "id" in m)
    server.send("initialized", {})
    server.send("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "dunlin", "version": 1, "text": text}})
    mine = lambda m: m.get("method") == "textDocument/publishDiagnostics" and m["params"]["uri"] == uri
    began = time.monotonic()
    server.wait_for(mine)
    first = time.monotonic() - began
    times, processor = [], []
    for key in range(wanted.keys):
        time.sleep(wanted.pause / 1000)
        # A mistake and its mending in turn: where nothing was told and nothing is, the server sends nothing.
        changed = text[:place] + ("7" * (key % 5 + 1) if key % 2 else "x" * (key % 30 + 1)) + text[place:]
        worked = processor_ms(server.process)
        server.send("textDocument/didChange", {"textDocument": {"uri": uri, "version": key + 2}, "contentChanges": [{"text": changed}]})
        began = time.monotonic()
        server.wait_for(lambda m: mine(m) and m["params"].get("version", key + 2) == key + 2)
        times.append((time.monotonic() - began) * 1000)
        processor.append(processor_ms(server.process) - worked)
    memory = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{server.process.pid}/status").read_text())
    server.process.kill()
    median = statistics.median(times)
    print(f"opened after {first * 1000:.0f} ms; keystrokes: median {median:.0f} ms, 99% {percentile(times, 0.99):.0f} ms; processor time of the server: "
          f"median {statistics.median(processor):.0f} ms, 99% {percentile(processor, 0.99):.0f} ms; {int(memory.group(1)) // 1024} MB")
    if wanted.bound and median > wanted.bound:
        sys.exit(f"the median lies above {wanted.bound:.0f} ms")


if __name__ == "__main__":
    main()

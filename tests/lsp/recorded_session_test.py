#!/usr/bin/env python3
"""Plays a recorded session of an editor to `dunlin lsp` and holds the answers to the record.

    recorded_session_test.py DUNLIN RECORD.jsonl BUNDLE_FOLDER [--record]

One message a line: {"client": {…}} is sent as it is, {"server": {…}} is expected: the answer to a request by its id, a notification within ten seconds.
ROOT stands for the folder's URI, FOLDER for its path. Whether diagnostics come between two keystrokes depends on how fast somebody types: of a file only the last
ones before the editor goes on are in the record. Nothing else may be said that is not. With --record the server's lines are written anew.
"""
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time


class Server:
    def __init__(self, dunlin, folder):
        self.root, self.folder = folder.as_uri(), str(folder)
        self.process = subprocess.Popen([dunlin, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.incoming = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        stream = self.process.stdout
        while True:
            length = 0
            while True:
                line = stream.readline()
                if not line:
                    return self.incoming.put(None)
                if line in (b"\r\n", b"\n"):
                    break
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.incoming.put(json.loads(stream.read(length)))

    def send(self, message):
        body = json.dumps(replaced(message, "ROOT", self.root), ensure_ascii=False).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def next(self, seconds):
        try:
            message = self.incoming.get(timeout=seconds)
        except queue.Empty:
            return None
        return None if message is None else replaced(replaced(message, self.root, "ROOT"), self.folder, "FOLDER")


def replaced(value, old, new):
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list):
        return [replaced(one, old, new) for one in value]
    if isinstance(value, dict):
        return {replaced(name, old, new): replaced(one, old, new) for name, one in value.items()}
    return value


def settled(message):
    """Without what is another in each build: the version of the program."""
    if isinstance(message.get("result"), dict) and "serverInfo" in message["result"]:
        message["result"]["serverInfo"].pop("version", None)
    return message


def about(message):
    """The file whose diagnostics these are; None of any other message."""
    return message["params"]["uri"] if message.get("method") == "textDocument/publishDiagnostics" else None


def play(server, lines):
    """Everything the server is expected to say, in the record's order; what came without being expected is wrong."""
    waiting, problems = [], []
    for number, line in enumerate(lines, 1):
        if "client" in line:
            server.send(line["client"])
            continue
        wanted, end = line["server"], time.time() + 20
        while wanted not in waiting and time.time() < end:
            message = server.next(max(0.01, end - time.time()))
            if message is None:
                break
            waiting.append(settled(message))
            if "id" in wanted and waiting[-1].get("id") == wanted["id"]:
                break
        if wanted not in waiting:
            problems.append(f"line {number}: expected\n  {json.dumps(wanted, ensure_ascii=False)}\ncame\n  " + "\n  ".join(json.dumps(one, ensure_ascii=False) for one in waiting))
        # What came before the awaited diagnostics of a file was on the way to them.
        waiting = [one for one in waiting if one != wanted and (about(wanted) is None or about(one) != about(wanted)) and one.get("id") != wanted.get("id", -1)]
    while (message := server.next(0.5)) is not None:
        waiting.append(settled(message))
    return problems + [f"said without being expected: {json.dumps(one, ensure_ascii=False)}" for one in waiting]


def record(server, lines):
    """After each message of the editor what the server says until it is silent; within a burst of keystrokes only answers."""
    out, last = [], {}
    for line in lines:
        if "client" not in line:
            continue
        out.append(line)
        server.send(line["client"])
        said = []
        while (message := server.next(0.05 if line.get("at_once") else 2)) is not None:
            said.append(settled(message))
        for at, message in enumerate(said):
            later = any(about(one) == about(message) for one in said[at + 1 :])
            if about(message) is None:
                out.append({"server": message})
            elif not later and not line.get("at_once") and last.get(about(message)) != message:
                last[about(message)] = message
                out.append({"server": message})
    return out


def main():
    arguments = [one for one in sys.argv[1:] if one != "--record"]
    dunlin, path, bundle = os.path.abspath(arguments[0]), pathlib.Path(arguments[1]), arguments[2]
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dunlin_recorded_")).resolve()
    shutil.copytree(bundle, folder / "desk")
    server = Server(dunlin, folder / "desk")
    try:
        if "--record" in sys.argv:
            lines = record(server, lines)
            path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
            problems = []
        else:
            problems = play(server, lines)
        server.process.stdin.close()
        code = server.process.wait(timeout=20)
        if code != 0:
            problems.append(f"the server ended with {code}")
    finally:
        server.process.kill()
        shutil.rmtree(folder, ignore_errors=True)
    for problem in problems:
        print(problem, file=sys.stderr)
    said = sum("server" in line for line in lines)
    print(f"{len(lines) - said} messages of the editor, {said} of the server, {len(problems)} wrong")
    sys.exit(1 if problems or said == 0 else 0)


if __name__ == "__main__":
    main()

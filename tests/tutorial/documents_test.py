#!/usr/bin/env python3
"""Runs a document: every file it shows is written, every command it shows is run, and what was shown must be what came out.

    documents_test.py DUNLIN DOCUMENT.md [--record]

In the document's text:

    <!-- file: first/data.dun -->            the next block is this file, from now on
    <!-- line: first/judging.dun: > 10_000 -->   the next block takes the place of the one line with `> 10_000`
    <!-- exit: 1 -->                         commands of the next block end with 1 (0 if nothing is said)

A block of `console` has commands behind `$ `; behind `dunlin> ` stands what is typed into the one before. A block of `dunlin` without a comment must
stand as it is in one of the files. Blocks of other languages are for the reader. With --record the outputs in the document are written anew.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

PROMPT = "dunlin> "


class Wrong(Exception):
    pass


def settled(text):
    """Without what differs from run to run, and from version to version: seconds, and what names the content of a bundle and its library."""
    return re.sub(r"\b[0-9a-f]{12}\b", "CONTENT", re.sub(r"\b\d+\.\d+ s\b", "# s", text))


class Document:
    def __init__(self, dunlin, path, record):
        self.dunlin, self.path, self.record = os.path.abspath(dunlin), path, record
        with open(path, encoding="utf-8") as stream:
            self.lines = stream.read().split("\n")
        self.folder = tempfile.mkdtemp(prefix="dunlin_document_")
        os.chmod(self.folder, 0o711)  # the private database's user passes through
        self.written, self.problems, self.commands, self.snippets = [], [], 0, 0
        self.directives = {}

    def run(self):
        try:
            at = 0
            while at < len(self.lines):
                line = self.lines[at]
                self.written.append(line)
                at += 1
                said = re.fullmatch(r"\s*<!-- (file|line|exit): (.*?) -->\s*", line)
                if said:
                    self.directives[said.group(1)] = said.group(2)
                if not line.startswith("```"):
                    continue
                end = next((i for i in range(at, len(self.lines)) if self.lines[i].startswith("```")), None)
                if end is None:
                    raise Wrong(f"{self.path}:{at}: a block that is never closed")
                body = self.lines[at:end]
                self.written += self.block(line[3:].strip(), body, at)
                self.written.append(self.lines[end])
                self.directives = {}
                at = end + 1
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self.record:
            with open(self.path, "w", encoding="utf-8") as stream:
                stream.write("\n".join(self.written))
        return self.problems

    def block(self, language, body, at):
        if language == "console":
            return self.console(body, at)
        text = "\n".join(body) + "\n"
        if "file" in self.directives:
            self.put(self.directives["file"], text)
        elif "line" in self.directives:
            name, marker = self.directives["line"].split(": ", 1)
            lines = self.get(name).split("\n")
            found = [i for i, line in enumerate(lines) if marker in line]
            if len(found) != 1:
                raise Wrong(f"{self.path}:{at}: {len(found)} lines of {name} have `{marker}`")
            lines[found[0] : found[0] + 1] = body
            self.put(name, "\n".join(lines))
        elif language == "dunlin" and not self.stands_somewhere(text):
            self.problems.append(f"{self.path}:{at}: this stands in no file of the document:\n{text}")
        if language == "dunlin":
            self.snippets += 1
        return body

    def put(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def get(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as stream:
            return stream.read()

    def stands_somewhere(self, text):
        for folder, _, names in os.walk(self.folder):
            if os.path.basename(folder) == "data":
                continue
            for name in names:
                if name.endswith(".dun") and text in self.get(os.path.join(folder, name)):
                    return True
        return False

    def shell(self, command, typed=""):
        env = dict(os.environ, DUNLIN_DATA=os.path.join(self.folder, "data"), TZ="UTC", NO_COLOR="1")
        for name in ("DUNLIN_DATABASE", "DUNLIN_STDLIB"):
            env.pop(name, None)
        script = 'dunlin() { "%s" "$@"; }; %s' % (self.dunlin, command)
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, env=env, input=typed, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        return done.stdout, done.returncode

    def console(self, body, at):
        steps = []  # command, output lines, [(typed, output lines)]
        for line in body:
            if line.startswith("$ "):
                steps.append((line[2:], [], []))
            elif not steps:
                raise Wrong(f"{self.path}:{at}: a console begins with `$ `")
            elif line.startswith(PROMPT):
                steps[-1][2].append((line[len(PROMPT) :], []))
            else:
                (steps[-1][2][-1][1] if steps[-1][2] else steps[-1][1]).append(line)
        out = []
        for command, shown, talk in steps:
            out += self.command(command, shown, talk, at)
        return out

    def command(self, command, shown, talk, at):
        self.commands += 1
        wanted_exit = int(self.directives.get("exit", "0"))
        out, before = ["$ " + command], ""
        for typed in range(len(talk) + 1):
            if typed == 0 and talk:
                text, code, expected = "", wanted_exit, shown
            else:
                text, code = self.shell(command, "".join(one[0] + "\n" for one in talk[:typed]))
                expected = talk[typed - 1][1] if typed else shown
            if typed == len(talk) and code != wanted_exit:
                self.problems.append(f"{self.path}:{at}: `{command}` ended with {code}, not {wanted_exit}:\n{text}")
            came = text[len(before) :]
            before = text
            lines = came.rstrip("\n").split("\n") if came.strip("\n") else []
            if typed:
                out.append(PROMPT + talk[typed - 1][0])
            if settled("\n".join(lines)).rstrip() != settled("\n".join(expected)).rstrip() and not self.record:
                self.problems.append(f"{self.path}:{at}: `{command}` said\n" + "\n".join("  " + l for l in lines) + "\nand the document shows\n" + "\n".join("  " + l for l in expected))
            keep = settled("\n".join(lines)).rstrip() == settled("\n".join(expected)).rstrip()
            out += expected if keep else lines
        return out


def main():
    arguments = [one for one in sys.argv[1:] if one != "--record"]
    document = Document(arguments[0], arguments[1], "--record" in sys.argv)
    try:
        problems = document.run()
    except Wrong as wrong:
        problems = [str(wrong)]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{document.commands} commands and {document.snippets} snippets run, {len(problems)} wrong")
    if document.snippets + document.commands == 0:
        sys.exit("nothing in this document was run")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Holds the table "Where each construct is tested" of docs/language.md to the grammar and to the tests it names.

    grammar_table_test.py SOURCE_FOLDER

Every rule of the grammar stands in exactly one row; every test that a row names is there, and what it holds has the words that the row shows, one of the words at
least for each test and all of them among its tests.
"""
import pathlib
import re
import sys

TITLE = "## Where each construct is tested"


def grammar_rules(text):
    text = re.sub(r"@init \{[^}]*\}", "", re.sub(r"//.*", "", text))
    return re.findall(r"(?m)^([a-z]\w*)\s*:", text[text.index("\nfile ") :])


def rows(text):
    if TITLE not in text:
        return
    for line in text[text.index(TITLE) :].split("\n"):
        if line.startswith("## ") and line != TITLE:
            return
        cells = [one.strip() for one in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 4 and cells[0] not in ("Construct",):
            yield cells


def bare(text):
    """Without comments and what stands in quotes: words in prose hold nothing."""
    return re.sub(r'"[^"\n]*"', '""', re.sub(r"//.*", "", text))


def rules_in(path):
    """The Dunlin text in a case, a document, a folder or a file; None if it is not there."""
    if path.is_dir():
        return "\n".join(one.read_text(encoding="utf-8") for one in sorted(path.glob("*.dun")))
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".golden":
        return "\n".join(re.findall(r"(?ms)^--- file \S+\.dun[^\n]*\n(.*?)(?=^--- |^\$ |\Z)", text))
    if path.suffix == ".md":
        return "\n".join(re.findall(r"(?ms)^```dunlin\n(.*?)^```", text))
    return text


def text_of(source, name):
    """What a test holds, by the name the table gives it."""
    for place in (f"tests/golden/good/{name}.golden", f"tests/golden/bad/{name}.golden", f"strategies/policies/{name}", f"tests/unit/front/language_tour/{name}.dun", f"docs/{name}.md", f"docs/guides/{name}.md"):
        text = rules_in(source / place)
        if text is not None:
            return bare(text)
    return None


def main():
    source = pathlib.Path(sys.argv[1])
    rules = grammar_rules((source / "lang/grammar/DunlinParser.g4").read_text(encoding="utf-8"))
    problems, seen, names = [], {}, 0
    for construct, words, made_of, tests in rows((source / "docs/language.md").read_text(encoding="utf-8")):
        for rule in re.findall(r"`(\w+)`", made_of):
            if rule not in rules:
                problems.append(f"{construct}: the grammar has no rule `{rule}`")
            if rule in seen:
                problems.append(f"`{rule}` stands in two rows: {seen[rule]}, {construct}")
            seen[rule] = construct
        wanted = [one for one in re.findall(r"`([^`]+)`", words)]
        held = set()
        for name in re.findall(r"`([^`]+)`", tests):
            names += 1
            text = text_of(source, name)
            if text is None:
                problems.append(f"{construct}: there is no test `{name}`")
                continue
            found = {word for word in wanted if re.search((r"(?<!\w)" if word[0].isalnum() else "") + re.escape(word) + (r"(?!\w)" if word[-1].isalnum() else ""), text)}
            if wanted and not found:
                problems.append(f"{construct}: `{name}` has none of {wanted}")
            held |= found
        for word in wanted:
            if word not in held:
                problems.append(f"{construct}: no test that is named has `{word}`")
        if not re.findall(r"`([^`]+)`", tests):
            problems.append(f"{construct}: no test is named")
    problems += [f"the table does not list `{rule}`" for rule in rules if rule not in seen]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(rules)} rules, {len(set(seen.values()))} constructs, {names} names of tests, {len(problems)} wrong")
    sys.exit(1 if problems or not rules else 0)


if __name__ == "__main__":
    main()

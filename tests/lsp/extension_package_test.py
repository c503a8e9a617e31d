"""The extension packs without network, its files are JSON, and its colours know every reserved word of the grammar.

  extension_package_test.py SOURCE_FOLDER
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.dom.minidom
import zipfile

source = pathlib.Path(sys.argv[1])
extension = source / "editors/vscode"
with tempfile.TemporaryDirectory() as folder:
    packed = pathlib.Path(folder) / "dunlin.vsix"
    subprocess.run([sys.executable, extension / "pack.py", packed], check=True, stdout=subprocess.DEVNULL)
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        package = json.loads(archive.read("extension/package.json"))
        for part in ("extension.vsixmanifest", "[Content_Types].xml"):
            xml.dom.minidom.parseString(archive.read(part))
    mentioned = [package["main"], *(g["path"] for g in package["contributes"]["grammars"]), *(s["path"] for s in package["contributes"]["snippets"])]
    for name in mentioned:
        assert "extension/" + name.removeprefix("./") in names, name

lexer = (source / "lang/grammar/DunlinLexer.g4").read_text(encoding="utf-8")
reserved = re.findall(r"^[A-Z_]+ : '([a-z]+)' ;", lexer[: lexer.index("---- soft words")], re.M)
assert len(reserved) > 30
colours = json.loads((extension / "syntaxes/dunlin.tmLanguage.json").read_text(encoding="utf-8"))
text = json.dumps(colours)
missing = [word for word in reserved if not re.search(r"[|:(]" + word + r"[|)]", text)]
assert not missing, missing
for rule in colours["repository"].values():
    for pattern in [rule, *rule.get("patterns", [])]:
        for key in ("match", "begin", "end"):
            if key in pattern:
                re.compile(pattern[key].replace(r"\p{L}", "a-zA-Z").replace(r"\p{N}", "0-9"))
print("packed and complete")

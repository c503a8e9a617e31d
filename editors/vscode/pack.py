#!/usr/bin/env python3
"""Packs the extension into a .vsix file, which is a ZIP with two lists; nothing is fetched from anywhere.

  editors/vscode/pack.py dunlin.vsix
  code --install-extension dunlin.vsix
"""
import json
import pathlib
import sys
import zipfile
from xml.sax.saxutils import escape, quoteattr

FILES = ["package.json", "extension.js", "language-configuration.json", "syntaxes/dunlin.tmLanguage.json", "snippets/dunlin.json", "README.md"]
TYPES = {"json": "application/json", "js": "application/javascript", "md": "text/markdown", "txt": "text/plain", "vsixmanifest": "text/xml"}


def manifest(package):
    return f"""<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id={quoteattr(package["name"])} Version={quoteattr(package["version"])} Publisher={quoteattr(package["publisher"])} />
    <DisplayName>{escape(package["displayName"])}</DisplayName>
    <Description xml:space="preserve">{escape(package["description"])}</Description>
    <Categories>{escape(",".join(package["categories"]))}</Categories>
    <Properties>
      <Property Id="Microsoft.VisualStudio.Code.Engine" Value={quoteattr(package["engines"]["vscode"])} />
    </Properties>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code" /></Installation>
  <Dependencies />
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true" />
    <Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true" />
  </Assets>
</PackageManifest>
"""


def content_types():
    lines = "".join(f'<Default Extension=".{ending}" ContentType="{kind}" />' for ending, kind in sorted(TYPES.items()))
    return f'<?xml version="1.0" encoding="utf-8"?>\n<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{lines}</Types>\n'


def main():
    if len(sys.argv) != 2:
        print("usage: pack.py FILE.vsix", file=sys.stderr)
        return 2
    here = pathlib.Path(__file__).resolve().parent
    package = json.loads((here / "package.json").read_text(encoding="utf-8"))
    with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name, text):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)  # the same bytes each time

        put("extension.vsixmanifest", manifest(package))
        put("[Content_Types].xml", content_types())
        for name in FILES:
            put("extension/" + name, (here / name).read_text(encoding="utf-8"))
        put("extension/LICENSE.txt", (here.parent.parent / "LICENSE").read_text(encoding="utf-8"))
    print(f"packed {sys.argv[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

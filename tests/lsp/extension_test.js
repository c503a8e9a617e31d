// The extension of the editor against the real program, with a stand-in for the editor's interface: what a user's editor would do, message by message.
//   node extension_test.js DUNLIN SOURCE_FOLDER
"use strict";

const assert = require("assert");
const fs = require("fs");
const os = require("os");
const path = require("path");
const Module = require("module");

const [program, source] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dunlin extension "));
const file = path.join(folder, "bundle.dun");
const good = `bundle small "Small" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
/// Один долг.
entity account { key id : text, баланс : money, begun : date? }
extend account { dpd = days(begun, today) default 0 }
queue mail { cost 1 }
strategy soft "Soft" for account {
  enrol when dpd > 0
  stage reminder { after 3 days : go cured }
  final stage cured { enrol again when dpd > 0 and баланс > 0 }
}
test "reminded" {
  given account { баланс: 5, begun: 2026-01-01 }
  at 2026-01-05 : expect stage reminder
}
`;
fs.writeFileSync(file, good);
const pageFile = path.join(folder, "templates", "demand.html");
fs.mkdirSync(path.dirname(pageFile));
fs.writeFileSync(pageFile, "<p>{баланс}</p>");
fs.writeFileSync(path.join(folder, "letters.dun"), 'template "demand" for account in mail from "templates/demand.html"\n');

// ---- a stand-in for the editor ----

class Position {
  constructor(line, character) {
    Object.assign(this, { line, character });
  }
}
class Range {
  constructor(start, end) {
    Object.assign(this, { start, end });
  }
}
const plain = (...names) =>
  class {
    constructor(...values) {
      names.forEach((name, i) => (this[name] = values[i]));
    }
  };
const uri = (text) => ({ scheme: "file", path: decodeURIComponent(text.slice("file://".length)), text, toString: () => text });
const providers = {};
const listeners = {};
const commands = {};
const shown = [];
const published = new Map();
const register = (name) => (...args) => {
  providers[name] = name === "registerWorkspaceSymbolProvider" ? args[0] : args[1];
  return { dispose() {} };
};
const listen = (name) => (callback) => {
  listeners[name] = callback;
  return { dispose() {} };
};
const languages = new Proxy(
  { createDiagnosticCollection: () => ({ set: (u, list) => published.set(u.toString(), list), dispose() {} }) },
  { get: (target, name) => target[name] || register(name) }
);
const document = {
  languageId: "dunlin",
  uri: uri("file://" + file.split("/").map(encodeURIComponent).join("/")),
  version: 1,
  text: good,
  getText() {
    return this.text;
  },
};
const page = {
  languageId: "html",
  uri: uri("file://" + pageFile.split("/").map(encodeURIComponent).join("/")),
  version: 1,
  getText: () => "<p>{}</p>", // not saved
};
const vscode = {
  Position,
  Range,
  Location: plain("uri", "range"),
  MarkdownString: plain("value"),
  Hover: plain("contents", "range"),
  Diagnostic: plain("range", "message", "severity"),
  DiagnosticRelatedInformation: plain("location", "message"),
  CompletionItem: plain("label", "kind"),
  SnippetString: plain("value"),
  SignatureHelp: plain(),
  SignatureInformation: plain("label", "documentation"),
  ParameterInformation: plain("label"),
  DocumentSymbol: plain("name", "detail", "kind", "range", "selectionRange"),
  SymbolInformation: plain("name", "kind", "container", "location"),
  DocumentHighlight: plain("range"),
  FoldingRange: plain("start", "end", "kind"),
  FoldingRangeKind: { Comment: 1 },
  SemanticTokens: plain("data"),
  SemanticTokensLegend: plain("types", "modifiers"),
  InlayHint: plain("position", "label", "kind"),
  InlayHintKind: { Type: 1 },
  CodeAction: plain("title", "kind"),
  CodeActionKind: { QuickFix: "quickfix" },
  CodeLens: plain("range", "command"),
  TextEdit: plain("range", "newText"),
  CallHierarchyItem: plain("kind", "name", "detail", "uri", "range", "selectionRange"),
  CallHierarchyIncomingCall: plain("from", "ranges"),
  CallHierarchyOutgoingCall: plain("to", "ranges"),
  WorkspaceEdit: class {
    constructor() {
      this.edits = [];
    }
    replace(u, range, text) {
      this.edits.push({ uri: u.toString(), range, text });
    }
  },
  Uri: { parse: uri },
  languages,
  commands: {
    registerCommand: (name, run) => {
      commands[name] = run;
      return { dispose() {} };
    },
  },
  window: { showInformationMessage: (text) => shown.push(text), showErrorMessage: (text) => shown.push("error: " + text) },
  workspace: {
    getConfiguration: () => ({ get: (name) => (name === "command" ? program : "") }),
    textDocuments: [document],
    createFileSystemWatcher: () => ({ onDidChange() {}, onDidCreate() {}, onDidDelete() {}, dispose() {} }),
    onDidOpenTextDocument: listen("open"),
    onDidChangeTextDocument: listen("change"),
    onDidSaveTextDocument: listen("save"),
    onDidCloseTextDocument: listen("close"),
  },
};
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));
const extension = require(path.join(source, "editors/vscode/extension.js"));

const place = (part) => {
  const offset = document.text.indexOf(part.replace("@", "")) + part.indexOf("@");
  const before = document.text.slice(0, offset).split("\n");
  return new Position(before.length - 1, before[before.length - 1].length);
};
const until = async (what, test) => {
  for (let i = 0; i < 600; ++i) {
    if (test()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("waited in vain for " + what);
};
const token = { onCancellationRequested() {} };

async function session() {
  await extension.activate({ subscriptions: [] });
  const hover = await providers.registerHoverProvider.provideHover(document, place("and бал@анс"), token);
  assert(hover.contents.value.includes("money"), hover.contents.value);
  assert.strictEqual(hover.range.end.character - hover.range.start.character, 6);

  // A mistake is typed and taken back.
  const at = place("dpd > 0@");
  listeners.change({
    document: Object.assign(document, { version: 2, text: good.replace("enrol when dpd > 0", "enrol when dpx > 0") }),
    contentChanges: [{ range: new Range(place("enrol when dp@x"), new Position(at.line, at.character - 4)), text: "x" }],
  });
  await until("a diagnostic", () => (published.get(document.uri.toString()) || []).some((d) => d.code === "E0201"));
  const wrong = published.get(document.uri.toString()).find((d) => d.code === "E0201");
  const actions = await providers.registerCodeActionsProvider.provideCodeActions(document, wrong.range, {}, token);
  assert(actions.some((a) => a.edit.edits.some((e) => e.text === "dpd")));
  listeners.change({
    document: Object.assign(document, { version: 3, text: good }),
    contentChanges: [{ range: new Range(new Position(6, 13), new Position(6, 16)), text: "dpd" }],
  });
  await until("the mistake to go", () => (published.get(document.uri.toString()) || []).every((d) => d.code !== "E0201"));

  const items = await providers.registerCompletionItemProvider.provideCompletionItems(document, place("go cur@ed"), token);
  assert(items.some((i) => i.label === "cured"));
  listeners.open(page);
  const names = await providers.registerCompletionItemProvider.provideCompletionItems(page, new Position(0, 4), token);
  assert(names.some((i) => i.label === "баланс"));
  const edit = await providers.registerRenameProvider.provideRenameEdits(document, place("баланс@ : money"), "остаток", token);
  assert.strictEqual(edit.edits.length, 3);
  await assert.rejects(() => providers.registerRenameProvider.provideRenameEdits(document, place("баланс@ : money"), "two words", token), /cannot be a name/);
  const symbols = await providers.registerDocumentSymbolProvider.provideDocumentSymbols(document, token);
  assert.deepStrictEqual(symbols.map((s) => s.name), ["account", "account", "mail", "soft", "reminded"]);
  const tokens = await providers.registerDocumentSemanticTokensProvider.provideDocumentSemanticTokens(document, token);
  assert(tokens.data.length % 5 === 0 && tokens.data.length > 100);
  const lenses = await providers.registerCodeLensProvider.provideCodeLenses(document, token);
  assert.strictEqual(lenses.length, 1);
  const said = await commands["dunlin.runTest"](...lenses[0].command.arguments);
  assert.match(said, /"reminded" passed/);
  const edits = await providers.registerDocumentFormattingEditProvider.provideDocumentFormattingEdits(document, {}, token);
  assert(edits.length <= 1);
  const stage = await providers.registerCallHierarchyProvider.prepareCallHierarchy(document, place("stage remi@nder {"), token);
  const calls = await providers.registerCallHierarchyProvider.provideCallHierarchyOutgoingCalls(stage[0], token);
  assert.deepStrictEqual(calls.map((c) => c.to.name), ["soft.cured"]);
  await extension.deactivate();
  assert(!shown.some((text) => text.startsWith("error")), shown.join());
}

session().then(
  () => {
    fs.rmSync(folder, { recursive: true });
    console.log("the extension did what it should");
    process.exit(0);
  },
  (error) => {
    console.error(error);
    process.exit(1);
  }
);

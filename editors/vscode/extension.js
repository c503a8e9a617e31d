// The client of `dunlin lsp` for Visual Studio Code: plain JavaScript over the editor's own interface, without packages, so that it packs and runs offline.
"use strict";

const vscode = require("vscode");
const { spawn } = require("child_process");

const selector = { language: "dunlin", scheme: "file" };
/** Letters: pages and plain texts in a folder `templates`. The server passes over those that belong to no bundle. */
const letters = { scheme: "file", pattern: "**/templates/**/*.{html,htm,txt}" };
const isLetter = (d) => /\/templates\/.*\.(html?|txt)$/.test(d.uri.path);
const isOurs = (d) => d.uri.scheme === "file" && (d.languageId === "dunlin" || isLetter(d));

/** JSON-RPC over the standard input and output of a child process. */
class Connection {
  constructor(command, args, onNotification, onEnd) {
    this.pending = new Map();
    this.nextId = 1;
    this.buffer = Buffer.alloc(0);
    this.onNotification = onNotification;
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdout.on("data", (data) => this.receive(data));
    this.child.stdin.on("error", () => {});
    const end = (reason) => {
      for (const { reject } of this.pending.values()) reject(new Error(reason));
      this.pending.clear();
      onEnd(reason);
    };
    this.child.on("error", (error) => end(error.message));
    this.child.on("exit", (code) => end(`dunlin lsp ended with ${code}`));
  }

  receive(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    for (;;) {
      const head = this.buffer.indexOf("\r\n\r\n");
      if (head < 0) return;
      const length = /Content-Length: (\d+)/i.exec(this.buffer.toString("ascii", 0, head));
      if (!length) throw new Error("dunlin lsp sent no length");
      const begin = head + 4;
      const end = begin + Number(length[1]);
      if (this.buffer.length < end) return;
      const message = JSON.parse(this.buffer.toString("utf8", begin, end));
      this.buffer = this.buffer.subarray(end);
      this.take(message);
    }
  }

  take(message) {
    if (message.method) {
      this.onNotification(message.method, message.params);
      return;
    }
    const waiting = this.pending.get(message.id);
    if (!waiting) return;
    this.pending.delete(message.id);
    if (message.error) waiting.reject(new Error(message.error.message));
    else waiting.resolve(message.result);
  }

  send(message) {
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }), "utf8");
    this.child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.child.stdin.write(body);
  }

  notify(method, params) {
    this.send({ method, params });
  }

  request(method, params, token) {
    const id = this.nextId++;
    const answer = new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }));
    this.send({ id, method, params });
    if (token) token.onCancellationRequested(() => this.notify("$/cancelRequest", { id }));
    return answer;
  }
}

// ---- between the protocol and the editor ----

const position = (p) => new vscode.Position(p.line, p.character);
const range = (r) => new vscode.Range(position(r.start), position(r.end));
const location = (l) => new vscode.Location(vscode.Uri.parse(l.uri), range(l.range));
const plainRange = (r) => ({ start: { line: r.start.line, character: r.start.character }, end: { line: r.end.line, character: r.end.character } });
const document = (d) => ({ uri: d.uri.toString() });
const at = (d, p) => ({ textDocument: document(d), position: { line: p.line, character: p.character } });
const markdown = (text) => new vscode.MarkdownString(text);

function workspaceEdit(edit) {
  const made = new vscode.WorkspaceEdit();
  for (const [uri, edits] of Object.entries(edit.changes || {})) {
    for (const e of edits) made.replace(vscode.Uri.parse(uri), range(e.range), e.newText);
  }
  return made;
}

function diagnostic(d) {
  const made = new vscode.Diagnostic(range(d.range), d.message, d.severity - 1);
  made.code = d.code;
  made.source = d.source;
  made.relatedInformation = (d.relatedInformation || []).map((r) => new vscode.DiagnosticRelatedInformation(location(r.location), r.message));
  return made;
}

// Kinds are numbered from 1 in the protocol and from 0 in the editor.
function symbol(s) {
  const made = new vscode.DocumentSymbol(s.name, s.detail || "", s.kind - 1, range(s.range), range(s.selectionRange));
  made.children = (s.children || []).map(symbol);
  return made;
}

function completionItem(i) {
  const made = new vscode.CompletionItem(i.label, i.kind - 1);
  made.detail = i.detail;
  made.sortText = i.sortText;
  if (i.documentation) made.documentation = markdown(i.documentation.value);
  if (i.insertText) made.insertText = i.insertTextFormat === 2 ? new vscode.SnippetString(i.insertText) : i.insertText;
  return made;
}

function stageItem(i) {
  const made = new vscode.CallHierarchyItem(i.kind - 1, i.name, i.detail || "", vscode.Uri.parse(i.uri), range(i.range), range(i.selectionRange));
  made.raw = i;
  return made;
}

/** Everything the editor may ask, registered on one connection. */
function providers(connection, capabilities) {
  const ask = (method, params, token, convert) => connection.request(method, params, token).then((result) => (result === null ? undefined : convert(result)));
  const languages = vscode.languages;
  const legend = capabilities.semanticTokensProvider.legend;
  const completion = { provideCompletionItems: (d, p, t) => ask("textDocument/completion", at(d, p), t, (r) => r.items.map(completionItem)) };
  return [
    languages.registerHoverProvider(selector, {
      provideHover: (d, p, t) => ask("textDocument/hover", at(d, p), t, (r) => new vscode.Hover(markdown(r.contents.value), range(r.range))),
    }),
    languages.registerCompletionItemProvider(selector, completion, ...capabilities.completionProvider.triggerCharacters),
    languages.registerCompletionItemProvider(letters, completion, "{", ...capabilities.completionProvider.triggerCharacters),
    languages.registerSignatureHelpProvider(
      selector,
      {
        provideSignatureHelp: (d, p, t) =>
          ask("textDocument/signatureHelp", at(d, p), t, (r) => {
            const made = new vscode.SignatureHelp();
            made.signatures = r.signatures.map((s) => {
              const signature = new vscode.SignatureInformation(s.label, markdown(s.documentation.value));
              signature.parameters = s.parameters.map((x) => new vscode.ParameterInformation(x.label));
              return signature;
            });
            made.activeSignature = r.activeSignature;
            made.activeParameter = r.activeParameter;
            return made;
          }),
      },
      ...capabilities.signatureHelpProvider.triggerCharacters
    ),
    languages.registerDefinitionProvider(selector, { provideDefinition: (d, p, t) => ask("textDocument/definition", at(d, p), t, location) }),
    languages.registerReferenceProvider(selector, {
      provideReferences: (d, p, c, t) => ask("textDocument/references", { ...at(d, p), context: c }, t, (r) => r.map(location)),
    }),
    languages.registerRenameProvider(selector, {
      provideRenameEdits: (d, p, newName, t) => ask("textDocument/rename", { ...at(d, p), newName }, t, workspaceEdit),
      prepareRename: (d, p, t) =>
        connection.request("textDocument/prepareRename", at(d, p), t).then((r) => {
          if (r === null) throw new Error("this cannot be renamed");
          return range(r);
        }),
    }),
    languages.registerDocumentSymbolProvider(selector, {
      provideDocumentSymbols: (d, t) => ask("textDocument/documentSymbol", { textDocument: document(d) }, t, (r) => r.map(symbol)),
    }),
    languages.registerWorkspaceSymbolProvider({
      provideWorkspaceSymbols: (query, t) =>
        ask("workspace/symbol", { query }, t, (r) => r.map((s) => new vscode.SymbolInformation(s.name, s.kind - 1, s.containerName || "", location(s.location)))),
    }),
    languages.registerDocumentHighlightProvider(selector, {
      provideDocumentHighlights: (d, p, t) => ask("textDocument/documentHighlight", at(d, p), t, (r) => r.map((h) => new vscode.DocumentHighlight(range(h.range)))),
    }),
    languages.registerFoldingRangeProvider(selector, {
      provideFoldingRanges: (d, c, t) =>
        ask("textDocument/foldingRange", { textDocument: document(d) }, t, (r) =>
          r.map((f) => new vscode.FoldingRange(f.startLine, f.endLine, f.kind === "comment" ? vscode.FoldingRangeKind.Comment : undefined))
        ),
    }),
    languages.registerDocumentSemanticTokensProvider(
      selector,
      {
        provideDocumentSemanticTokens: (d, t) =>
          ask("textDocument/semanticTokens/full", { textDocument: document(d) }, t, (r) => new vscode.SemanticTokens(new Uint32Array(r.data))),
      },
      new vscode.SemanticTokensLegend(legend.tokenTypes, legend.tokenModifiers)
    ),
    languages.registerInlayHintsProvider(selector, {
      provideInlayHints: (d, r, t) =>
        ask("textDocument/inlayHint", { textDocument: document(d), range: plainRange(r) }, t, (list) =>
          list.map((h) => {
            const made = new vscode.InlayHint(position(h.position), h.label, h.kind);
            if (h.tooltip) made.tooltip = new vscode.MarkdownString(h.tooltip.value);
            return made;
          })
        ),
    }),
    languages.registerCodeActionsProvider(selector, {
      provideCodeActions: (d, r, c, t) =>
        ask("textDocument/codeAction", { textDocument: document(d), range: plainRange(r), context: { diagnostics: [] } }, t, (list) =>
          list.map((a) => {
            const made = new vscode.CodeAction(a.title, vscode.CodeActionKind.QuickFix);
            made.edit = workspaceEdit(a.edit);
            made.diagnostics = a.diagnostics.map(diagnostic);
            made.isPreferred = a.isPreferred;
            return made;
          })
        ),
    }),
    languages.registerCodeLensProvider(selector, {
      provideCodeLenses: (d, t) =>
        ask("textDocument/codeLens", { textDocument: document(d) }, t, (list) => list.map((l) => new vscode.CodeLens(range(l.range), l.command))),
    }),
    languages.registerDocumentFormattingEditProvider(selector, {
      provideDocumentFormattingEdits: (d, options, t) =>
        ask("textDocument/formatting", { textDocument: document(d), options: { tabSize: 2, insertSpaces: true } }, t, (list) =>
          list.map((e) => new vscode.TextEdit(range(e.range), e.newText))
        ),
    }),
    languages.registerCallHierarchyProvider(selector, {
      prepareCallHierarchy: (d, p, t) => ask("textDocument/prepareCallHierarchy", at(d, p), t, (list) => list.map(stageItem)),
      provideCallHierarchyIncomingCalls: (item, t) =>
        ask("callHierarchy/incomingCalls", { item: item.raw }, t, (list) =>
          list.map((c) => new vscode.CallHierarchyIncomingCall(stageItem(c.from), c.fromRanges.map(range)))
        ),
      provideCallHierarchyOutgoingCalls: (item, t) =>
        ask("callHierarchy/outgoingCalls", { item: item.raw }, t, (list) =>
          list.map((c) => new vscode.CallHierarchyOutgoingCall(stageItem(c.to), c.fromRanges.map(range)))
        ),
    }),
    vscode.commands.registerCommand("dunlin.runTest", (folder, title) =>
      connection.request("workspace/executeCommand", { command: "dunlin.runTest", arguments: [folder, title] })
    ),
  ];
}

/** Tells the server what is open and what changes. */
function documents(connection) {
  const open = (d) => {
    if (!isOurs(d)) return;
    connection.notify("textDocument/didOpen", { textDocument: { ...document(d), languageId: d.languageId, version: d.version, text: d.getText() } });
  };
  vscode.workspace.textDocuments.forEach(open);
  const ours = (d, then) => {
    if (isOurs(d)) then();
  };
  const watcher = vscode.workspace.createFileSystemWatcher("{**/*.{dun,csv},**/templates/**/*.{html,htm,txt}}");
  const moved = () => connection.notify("workspace/didChangeWatchedFiles", { changes: [] });
  watcher.onDidChange(moved);
  watcher.onDidCreate(moved);
  watcher.onDidDelete(moved);
  return [
    watcher,
    vscode.workspace.onDidOpenTextDocument(open),
    vscode.workspace.onDidChangeTextDocument((e) =>
      ours(e.document, () =>
        connection.notify("textDocument/didChange", {
          textDocument: { ...document(e.document), version: e.document.version },
          contentChanges: e.contentChanges.map((c) => ({ range: plainRange(c.range), text: c.text })),
        })
      )
    ),
    vscode.workspace.onDidSaveTextDocument((d) => ours(d, () => connection.notify("textDocument/didSave", { textDocument: document(d) }))),
    vscode.workspace.onDidCloseTextDocument((d) => ours(d, () => connection.notify("textDocument/didClose", { textDocument: document(d) }))),
  ];
}

let running;

async function start() {
  const settings = vscode.workspace.getConfiguration("dunlin");
  const database = settings.get("database");
  const diagnostics = vscode.languages.createDiagnosticCollection("dunlin");
  const disposables = [diagnostics];
  const state = { stopping: false };
  const connection = new Connection(
    settings.get("command"),
    database ? ["lsp", "--database", database] : ["lsp"],
    (method, params) => {
      if (method === "textDocument/publishDiagnostics") diagnostics.set(vscode.Uri.parse(params.uri), params.diagnostics.map(diagnostic));
      if (method === "window/showMessage") vscode.window.showInformationMessage(params.message);
    },
    (reason) => {
      if (!state.stopping) vscode.window.showErrorMessage(`Dunlin: ${reason}. Is the program dunlin installed (setting dunlin.command)?`);
    }
  );
  running = {
    async stop() {
      state.stopping = true;
      disposables.forEach((d) => d.dispose());
      try {
        await connection.request("shutdown", null);
        connection.notify("exit", null);
      } catch (error) {
        connection.child.kill();
      }
    },
  };
  const answer = await connection.request("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
  connection.notify("initialized", {});
  disposables.push(...providers(connection, answer.capabilities), ...documents(connection));
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("dunlin.restart", async () => {
      if (running) await running.stop();
      await start();
    })
  );
  await start().catch(() => {});
}

function deactivate() {
  return running ? running.stop() : undefined;
}

module.exports = { activate, deactivate, Connection };

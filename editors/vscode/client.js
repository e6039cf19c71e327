// Starts `mdkgen lsp` and connects VS Code to it. Everything that is answered is answered there.
"use strict";

const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

exports.activate = async () => {
  const [command, ...args] = workspace.getConfiguration("mdkspec").get("command");
  const cwd = workspace.workspaceFolders?.[0]?.uri.fsPath;
  client = new LanguageClient(
    "mdkspec",
    "mdkspec",
    { command, args, options: { cwd } },
    {
      documentSelector: [{ language: "mdkspec", scheme: "file" }],
      synchronize: {
        fileEvents: [
          workspace.createFileSystemWatcher("**/*.mdkspec"),
          workspace.createFileSystemWatcher("**/pyproject.toml"),
        ],
      },
    },
  );
  await client.start();
};

exports.deactivate = () => client?.stop();

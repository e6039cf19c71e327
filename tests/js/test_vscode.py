"""The client for VS Code: its types are those of the editor, and it starts the server that the settings name."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "editors/vscode"
OPTIONS = {
    "allowJs": True,
    "checkJs": True,
    "strict": True,
    "target": "ES2023",
    "module": "Node16",
    "types": ["node"],
    "typeRoots": [str(ROOT / "node_modules/@types")],
    "skipLibCheck": True,
    "noEmit": True,
}
ACTIVATED = """
const module_ = require("node:module");
const made = [];
const settings = JSON.parse(process.argv[2]);
const fakes = {
  vscode: {
    workspace: {
      getConfiguration: (name) => ({ get: (key) => settings[`${name}.${key}`] }),
      workspaceFolders: [{ uri: { fsPath: "/a/folder" } }],
      createFileSystemWatcher: (glob) => glob,
    },
  },
  "vscode-languageclient/node": {
    LanguageClient: class {
      constructor(...given) { made.push(given); }
      async start() { made.push("start"); }
      async stop() { made.push("stop"); }
    },
  },
};
const load = module_._load;
module_._load = (name, ...rest) => fakes[name] ?? load(name, ...rest);
const extension = require(process.argv[1]);
(async () => {
  await extension.activate();
  await extension.deactivate();
  console.log(JSON.stringify(made));
})();
"""


def test_the_client_has_the_types_of_the_editor(tmp_path: Path, node: str) -> None:
    """TypeScript finds nothing in it, with the declarations of VS Code and of its language client."""
    shutil.copy(FOLDER / "client.js", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "commonjs"}')
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": ["client.js"]}))
    command = [str(ROOT / "node_modules/.bin/tsc"), "-p", "tsconfig.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False)
    assert done.stdout + done.stderr == ""


def test_the_client_starts_the_server_that_the_settings_name(node: str) -> None:
    """By default `mdkgen lsp`, in the folder that is open, told of every file that decides; it ends with the editor."""
    properties = json.loads((FOLDER / "package.json").read_text())["contributes"]["configuration"]["properties"]
    settings = {name: one["default"] for name, one in properties.items()}
    command = [node, "-e", ACTIVATED, str(FOLDER / "client.js"), json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=True)
    (_, _, server, options), *rest = json.loads(done.stdout)
    assert server == {"command": "mdkgen", "args": ["lsp"], "options": {"cwd": "/a/folder"}}
    assert options["documentSelector"] == [{"language": "mdkspec", "scheme": "file"}]
    assert options["synchronize"]["fileEvents"] == ["**/*.mdkspec", "**/pyproject.toml"]
    assert rest == ["start", "stop"]

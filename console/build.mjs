// Builds the console into the Python package, or with `--check` compares what is there with what would be built.
// The same sources and the versions of package-lock.json give the same bytes.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { aliases } from "./aliases.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../runtime/mdk_runtime/console/static");

/** What a browser loads for any page, compressed. A test holds us to it. */
export const GZIP_BYTES_MAX = 100 * 1024;

const { outputFiles, metafile } = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx", login: "src/styles/login.css" },
  outdir: "out",
  // What is named by its content may be kept for good (server/http/assets.py); the login's page is not made here.
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  splitting: true,
  metafile: true,
  write: false,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox128", "safari17.5"],
  jsx: "automatic",
  jsxImportSource: "preact",
  alias: aliases,
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
});

/** @type {Map<string, Uint8Array>} */
const files = new Map(outputFiles.map((file) => [file.path.slice(join(here, "out/").length), file.contents]));
const login = nameOf("login.css");
files.set("login.css", /** @type {Uint8Array} */ (files.get(login)));
files.delete(login);
const index = await readFile(join(here, "src/index.html"), "utf8");
files.set("index.html", Buffer.from(index.replace("/app.css", `/${nameOf("app.css")}`).replace("/app.js", `/${nameOf("app.js")}`)));
files.set("icon.svg", await readFile(join(here, "src/icon.svg")));
let bytes = 0;
for (const content of files.values()) bytes += gzipSync(content, { level: 9 }).length;
if (bytes > GZIP_BYTES_MAX) throw new Error(`the console is ${bytes} bytes with gzip, more than ${GZIP_BYTES_MAX}`);

// What the page Protocol shows is apart: it is data, loaded there only, and grows with the specification.
const protocol = JSON.parse(await readFile(join(here, "src/pages/protocol/protocol.json"), "utf8"));
files.set("protocol.json", Buffer.from(JSON.stringify(protocol)));

files.set("LICENSES.txt", await licenses()); // Asked for by nobody.
if (process.argv.includes("--check")) await check();
else await write();

async function write() {
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  for (const [name, content] of files) await writeFile(join(target, name), content);
  console.log(`console: ${files.size} files, ${(bytes / 1024).toFixed(1)} KiB with gzip of ${GZIP_BYTES_MAX / 1024}`);
}

async function check() {
  const found = new Set(await readdir(target));
  const wrong = [...found].filter((name) => !files.has(name));
  for (const [name, content] of files) {
    const same = found.has(name) && Buffer.compare(await readFile(join(target, name)), content) === 0;
    if (!same) wrong.push(name);
  }
  if (wrong.length === 0) return;
  console.error(`the built console is not what its source makes (${wrong.join(", ")}); run: make console`);
  process.exitCode = 1;
}

/** What "app.js" is called as it is built. */
function nameOf(name) {
  const [stem, end] = name.split(".");
  const found = Object.keys(metafile.outputs).find((path) => new RegExp(`^out/${stem}-[0-9A-Z]{8}\\.${end}$`).test(path));
  if (found === undefined) throw new Error(`no ${name} is built`);
  return found.slice("out/".length);
}

/** The licences of what is bundled, which ask to be handed on. */
async function licenses() {
  const { dependencies } = JSON.parse(await readFile(join(here, "package.json"), "utf8"));
  const names = [...Object.keys(dependencies), "@preact/signals-core"].sort();
  const texts = [];
  for (const name of names) {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? "" : await readFile(join(folder, file), "utf8");
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  return Buffer.from(texts.join(`\n${"-".repeat(80)}\n\n`));
}

// The page Protocol as data: `mdkgen ir SPEC | node protocol.mjs SPEC` prints what the page shows, in the spec's own words.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

const folder = process.argv[2];
let text = "";
for await (const piece of process.stdin) text += piece;
const model = JSON.parse(text);

/** @type {Map<string, string[]>} */
const sources = new Map();
for (const file of model.files) sources.set(file, (await readFile(join(folder, file), "utf8")).split("\n"));

/** What the spec says at a place, on one line, without its comments. */
function said(span) {
  const lines = sources.get(span.file).slice(span.line - 1, span.end_line);
  lines[lines.length - 1] = lines.at(-1).slice(0, span.end_column - (span.line === span.end_line ? 0 : 1));
  lines[0] = lines[0].slice(span.column - 1);
  return lines.map((line) => line.replace(/\/\/\/?.*$/, "").trim()).filter(Boolean).join(" ").replace(/\s+/g, " ");
}

/** Names of messages in a text, in order. */
const isMessage = new Set(model.messages.map((one) => one.name));
const isRecord = new Set(model.records.map((one) => one.name));
const names = (line, known) => [...line.matchAll(/\b[A-Z]\w+/g)].map(([name]) => name).filter((name) => known.has(name));

const [protocol] = model.protocols;
const parts = protocol.parts.map((part) => {
  const more = [...part.params, ...part.deliveries, ...part.requests].filter((one) => one.span).map((one) => said(one.span));
  const roles = part.machines.map((machine) => ({
    role: machine.role,
    always: machine.always.map((one) => said(one.span)),
    states: machine.states.map((state) => ({
      name: state.name,
      start: state.start,
      rules: state.transitions.map((one) => said(one.span)),
    })),
  }));
  const lines = [...more, ...roles.flatMap((role) => [...role.always, ...role.states.flatMap((state) => state.rules)])];
  const calls = part.machines.flatMap((machine) => machine.calls.flatMap((call) => call.arguments.map((one) => one.type?.name ?? "")));
  const messages = [...new Set([...lines, ...calls].flatMap((line) => names(line, isMessage)))];
  return { name: part.name, doc: part.doc, liveIn: part.live_in, more, roles, messages };
});

const shape = (one) => ({
  doc: one.doc,
  ...(one.wire === undefined ? {} : { wire: one.wire }),
  ...(one.also?.length > 0 ? { also: one.also } : {}),
  fields: one.fields.map((field) => ({ text: said(field.span), ...(field.doc === "" ? {} : { doc: field.doc }) })),
});
const types = Object.fromEntries([...model.messages, ...model.records].map((one) => [one.name, shape(one)]));
const used = Object.fromEntries(
  Object.entries(types).map(([name, type]) => [name, [...new Set(type.fields.flatMap((field) => names(field.text, isRecord)))]]),
);
for (const [name, records] of Object.entries(used)) if (records.length > 0) types[name].uses = records;

console.log(JSON.stringify({ name: protocol.name, doc: protocol.doc, version: model.version, path: protocol.path, parts, types }, null, 1));

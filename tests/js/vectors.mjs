// Runs the vectors of a spec on the module that was generated from it: `node vectors.mjs VECTORS.json MODULE`.
// Prints what does not come out as they say, and how many there were; exit status 1 if anything did not.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const [file, folder] = process.argv.slice(2);
const vectors = JSON.parse(readFileSync(file, "utf8"));
const at = (name) => pathToFileURL(resolve(folder, name)).href;
const module = await import(at("index.js"));
const { IllegalCall, MalformedMessage, PeerError } = await import(at("engine/index.js"));
const { readStruct, writeStruct } = await import(at("engine/types.js"));
const { CODEC } = module;
const ANY_TEXT = "<any text>";

/** The spec's name in JavaScript. */
const camel = (name) => (/[a-z]/.test(name) ? name.replace(/(?<=[A-Za-z0-9])_+([A-Za-z0-9])/g, (_, one) => one.toUpperCase()) : name);

const plain = (value) => {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(plain);
  const type = value?.constructor;
  if (typeof type?.typeName !== "string") return value;
  return JSON.parse(JSON.stringify(writeStruct(type, value, "", type.wireName === null ? undefined : vectors.tag)));
};

const typed = (given) => {
  if ("absent" in given) return undefined;
  if ("type" in given) return readStruct(module[given.type], given.value, "");
  if ("list" in given) return given.value.map((one) => readStruct(module[given.list], one, ""));
  return given.value;
};

const fits = (found, want) => {
  if (want === ANY_TEXT) return typeof found === "string";
  if (Array.isArray(want)) return Array.isArray(found) && found.length === want.length && want.every((one, n) => fits(found[n], one));
  if (typeof want === "object" && want !== null) {
    const keys = Object.keys(want);
    return typeof found === "object" && found !== null && Object.keys(found).length === keys.length &&
      keys.every((key) => Object.hasOwn(found, key) && fits(found[key], want[key]));
  }
  return isDeepStrictEqual(found, want) || (typeof want === "number" && found === want); // -0 is 0
};

function* good(one) {
  const aliases = [];
  let message;
  try {
    message = CODEC.decode(one.frame, (name) => aliases.push(name));
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    yield `is not read: ${error.message}`;
    return;
  }
  if (message.constructor.typeName !== one.message) yield `is read as ${message.constructor.typeName}`;
  if (!isDeepStrictEqual(aliases, "alias" in one ? [one.alias] : [])) yield `came under the names ${aliases}`;
  const written = JSON.parse(CODEC.encode(message));
  if (!fits(written, one.value)) yield `is written as ${JSON.stringify(written)}, not as ${JSON.stringify(one.value)}`;
}

function* bad(one) {
  const text = typeof one.frame === "string" ? one.frame : one.frame.repeat.repeat(one.frame.times);
  try {
    yield `is read as ${JSON.stringify(CODEC.decode(text))}`;
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    const kind = error instanceof MalformedMessage ? "malformed" : "unknown";
    if (kind !== one.offence) yield `is ${kind}, not ${one.offence}`;
  }
}

function handlerOf(hooks, events) {
  const answer = (name) => Object.entries(hooks).find(([hook]) => camel(hook) === name);
  return new Proxy({}, {
    get: (_, name) => (answer(name) ? () => typed(answer(name)[1]) : (...args) => void events.push([name, ...args.map(plain)])),
  });
}

function* conversation(one) {
  const events = [];
  let now = 0;
  const clock = () => now;
  const name = one.protocol + one.role.split("_").map((word) => word[0].toUpperCase() + word.slice(1).toLowerCase()).join("");
  const shared = module[`${name}Shared`];
  const options = { clock, random: () => 0.5, ...(shared && { shared: new shared(handlerOf({}, []), { clock }) }) };
  const hooks = { ...one.hooks };
  const endpoint = new module[name](handlerOf(hooks, events), options);
  const give = (step) => {
    now = step.at ?? step.to ?? now;
    switch (step.do) {
      case "start": case "stop": case "connected": case "lost":
        return endpoint[step.do]();
      case "given":
        hooks[step.hook] = step.answer;
        return;
      case "advance":
        return endpoint.tick();
      case "receive":
        return endpoint.receive(typeof step.frame === "string" ? step.frame : JSON.stringify(step.frame));
      case "call":
        return endpoint.call(step.part, step.call, ...step.args.map(typed));
      case "deliver":
        return endpoint.deliver(step.delivery, typed(step.value));
      case "acknowledge":
        return endpoint.acknowledge(step.delivery, step.number);
      case "ask":
        return endpoint.request(
          step.request,
          typed(step.value),
          (reply) => events.push(["answered", step.request, plain(reply)]),
          (failure) => events.push(["failed", step.request, failure.reason]),
        );
      default:
        return endpoint.reply(step.request, typed(step.question), typed(step.reply));
    }
  };
  let expected = { hanging_up: false, deadline: null, connect_at: null };
  for (const [place, step] of one.steps.entries()) {
    expected = { ...expected, frames: [], events: [], error: null, ...step.expect };
    let error = null;
    try {
      give(step);
    } catch (problem) {
      if (!(problem instanceof IllegalCall)) throw problem;
      error = "illegal call";
    }
    const frames = [];
    for (let taken = endpoint.takeOutput(); taken.length > 0; taken = endpoint.takeOutput()) {
      frames.push(...taken.map((frame) => JSON.parse(frame)));
    }
    const found = {
      frames,
      events: events.splice(0),
      states: Object.fromEntries(endpoint.role.machines.map(({ part }) => [part, endpoint.state(part)])),
      hanging_up: endpoint.hangingUp,
      deadline: endpoint.deadline,
      connect_at: endpoint.connectAt,
      error,
    };
    const wanted = { ...expected, events: expected.events.map(([event, ...args]) => [camel(event), ...args]) };
    for (const [key, want] of Object.entries(wanted)) {
      if (fits(found[key], want)) continue;
      yield `step ${place} (${step.do}): ${key} ${JSON.stringify(found[key])}, expected ${JSON.stringify(want)}`;
      return;
    }
  }
}

let count = 0;
let problems = 0;
for (const [kind, check] of Object.entries({ good, bad, conversations: conversation })) {
  for (const one of vectors[kind]) {
    count += 1;
    for (const problem of check(one)) {
      problems += 1;
      console.log(`${one.role ?? "wire"}: ${one.name}: ${problem}`);
    }
  }
}
console.log(`${count} vectors, ${problems} problems`);
process.exit(problems > 0 ? 1 : 0);

/** The one function that reads the tables. */

import { IllegalCall, IllegalMessage } from "./errors.js";

/**
 * @typedef {import("./tables.js").Machine} Machine
 * @typedef {import("./tables.js").Scope} Scope
 * @typedef {import("./tables.js").Transition} Transition
 */

/** What an `enter`, a timer or a lapse does whose guards all say no. @type {Transition} */
const NOTHING = { source: "" };

/**
 * The transition that an input takes; runs nothing but guards and changes nothing.
 *
 * @param {Machine} machine one side of one part
 * @param {string | null} state where it is; null while the part is not live
 * @param {string} input as the tables call it: `recv Open`, `call register`, `enter`, `after 0`
 * @param {Scope} scope what guards read
 * @param {readonly unknown[]} args what came with the input
 * @returns {Transition}
 * @throws {IllegalMessage} no transition takes the message
 * @throws {IllegalCall} no transition takes the call
 */
export function step(machine, state, input, scope, args) {
  const own = state === null ? undefined : machine.states[state]?.[input];
  for (const transition of own ?? machine.always[input] ?? []) {
    if (transition.guard === undefined || transition.guard(scope, ...args)) return transition;
  }
  const [kind, name = ""] = input.split(" ", 2);
  if (kind === "recv") throw new IllegalMessage(name, machine.part, state, allowed(machine, state, "recv"));
  if (kind === "call") throw new IllegalCall(name, machine.part, state, allowed(machine, state, "call"));
  return NOTHING;
}

/**
 * What a state takes of one kind (`recv`, `call`), in the order of the spec.
 *
 * @param {Machine} machine
 * @param {string | null} state
 * @param {string} kind
 * @returns {string[]}
 */
export function allowed(machine, state, kind) {
  const own = state === null ? {} : machine.states[state] ?? {};
  const inputs = [...Object.keys(own), ...Object.keys(machine.always)].filter((one) => one.startsWith(`${kind} `));
  return [...new Set(inputs.map((one) => one.slice(kind.length + 1)))];
}

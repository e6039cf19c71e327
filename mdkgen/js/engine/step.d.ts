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
export function step(machine: Machine, state: string | null, input: string, scope: Scope, args: readonly unknown[]): Transition;
/**
 * What a state takes of one kind (`recv`, `call`), in the order of the spec.
 *
 * @param {Machine} machine
 * @param {string | null} state
 * @param {string} kind
 * @returns {string[]}
 */
export function allowed(machine: Machine, state: string | null, kind: string): string[];
export type Machine = import("./tables.js").Machine;
export type Scope = import("./tables.js").Scope;
export type Transition = import("./tables.js").Transition;

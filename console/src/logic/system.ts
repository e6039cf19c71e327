/** What the server counts, in words; and the order of its clients. */

import type { ClientState } from "protocol";

export interface CounterWord {
  readonly name: string;
  readonly value: number;
  /** True if it should stay 0. */
  readonly isLoss: boolean;
}

/** Shown even while they are 0; others are shown as the server names them. */
const WORDS: readonly (readonly [counter: string, name: string, isLoss: boolean])[] = [
  ["log new", "Logs stored", false],
  ["interaction new", "Interactions stored", false],
  ["log duplicate", "Logs sent twice, stored once", false],
  ["log rejected", "Logs that could not be stored", true],
  ["interaction rejected", "Interactions that could not be stored", true],
  ["change", "Changes of the table", false],
  ["node lapsed", "Nodes that were not renewed", false],
  ["node refused", "Nodes refused", true],
  ["connection refused", "Connections refused", true],
];

export function counterWords(counters: Readonly<Record<string, number>>): readonly CounterWord[] {
  const known = WORDS.map(([counter, name, isLoss]) => ({ name, value: counters[counter] ?? 0, isLoss }));
  const others = Object.entries(counters)
    .filter(([counter]) => WORDS.every(([one]) => one !== counter))
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([counter, value]) => ({ name: counter.charAt(0).toUpperCase() + counter.slice(1), value, isLoss: false }));
  return [...known, ...others];
}

/** Those that lose something first, then those that wait, then by service. */
export function inOrder(clients: readonly ClientState[]): readonly ClientState[] {
  const name = (client: ClientState) => client.services[0] ?? "\uffff";
  return [...clients].sort(
    (a, b) => b.dropped - a.dropped || b.queued - a.queued || name(a).localeCompare(name(b)) || a.node.localeCompare(b.node),
  );
}

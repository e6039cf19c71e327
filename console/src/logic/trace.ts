/** A trace as rows: in causal order, indented by its Lamport clock, interactions as brackets around what they caused. */

import type { StoredInteraction, StoredLog, TraceItem } from "protocol";
import { isBad } from "./colours";

export type Clock = readonly number[];

/** Causal order: level by level, what caused something before it. */
export function compareClocks(a: Clock, b: Clock): number {
  const common = Math.min(a.length, b.length);
  for (let at = 0; at < common; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** An interaction, around the rows between its beginning and its end. */
export interface Bracket {
  readonly interaction: StoredInteraction;
  readonly depth: number;
}

interface Common {
  readonly key: string;
  readonly clock: Clock;
  /** 0 in the process where the trace began; each process called stands one deeper. */
  readonly depth: number;
  /** The first of a process that was called from another one. */
  readonly enters: boolean;
  /** The row of the caller before that; undefined if nothing of it is here. */
  readonly parent: TraceRow | undefined;
  /** Steps right before it that the clock counted and nobody sent, or the server does not have. */
  readonly missing: number;
  /** Interactions that it lies in, outermost first. */
  readonly inside: readonly Bracket[];
  /** So many of these, innermost first, end behind it. */
  ends: number;
  /** An error, or an interaction that failed. */
  readonly bad: boolean;
}

export interface LogRow extends Common {
  readonly kind: "log";
  readonly item: StoredLog;
}

export interface CallRow extends Common {
  readonly kind: "call";
  readonly item: StoredInteraction;
}

export type TraceRow = LogRow | CallRow;

/** When a row was, in milliseconds; an interaction when it began. */
export function at(row: TraceRow): number {
  return row.kind === "log" ? row.item.timestamp : row.item.start;
}

export function text(row: TraceRow): string {
  if (row.kind === "log") return row.item.text;
  const names = [...new Set(Object.keys(row.item.results).map((node) => row.item.callees[node] ?? ""))];
  return `call ${names.join(", ")}`;
}

/** One level of the clock along the path to the last row. */
interface Level {
  tick: number;
  /** Ticks to come that are known without a row: an interaction's end. */
  known: number[];
  row: TraceRow | undefined;
}

const OWN_CATEGORY = "MDK";
const STARTING = "Starting interaction.";
const FINISHED = "Finished interaction.";

/** Grows by what the server sends, in causal order. Each row is made once. */
export class TraceModel {
  readonly items: TraceItem[] = [];
  readonly rows: TraceRow[] = [];
  readonly services = new Map<string, number>();
  /** Places of rows that are bad. */
  readonly bad: number[] = [];
  /** Steps that are not here. */
  missing = 0;
  start = Infinity;
  end = -Infinity;
  #levels: Level[] = [];
  #clock: Clock = [];
  #open: readonly Bracket[] = [];

  append(items: readonly TraceItem[]): void {
    for (const item of items) {
      this.items.push(item);
      if (item.log !== undefined) this.#log(item.log);
      else if (item.interaction !== undefined) this.#call(item.interaction);
    }
  }

  /** Where to look first: an error in a log, or else an interaction that failed; -1 without any. */
  get firstError(): number {
    return this.bad.find((index) => this.rows[index]?.kind === "log") ?? this.bad[0] ?? -1;
  }

  /** From when to when: never nothing, so that it can be divided by. */
  get spanMs(): number {
    return Math.max(1, this.end - this.start);
  }

  #log(item: StoredLog): void {
    this.#seen(item.timestamp, item.timestamp);
    const common = this.#step(item.clock, item.service);
    if (item.category === OWN_CATEGORY && item.text === FINISHED && this.#open.some((one) => same(one.interaction.endClock, item.clock))) {
      this.#close((one) => same(one.interaction.endClock, item.clock));
      return; // Its bracket says so.
    }
    this.#add({ ...common, kind: "log", item, key: item.position, bad: isBad(item.level) });
  }

  #call(item: StoredInteraction): void {
    this.#seen(item.start, item.end);
    const last = this.rows.at(-1);
    let replaced: TraceRow | undefined;
    if (last?.kind === "log" && last.item.category === OWN_CATEGORY && last.item.text === STARTING && same(last.clock, item.startClock)) {
      replaced = this.rows.pop(); // Its bracket says so.
    }
    const common = replaced ?? this.#step(item.startClock, item.service);
    const { clock, depth, enters, parent, missing, inside } = common;
    this.#add({ clock, depth, enters, parent, missing, inside, ends: 0, kind: "call", item, key: item.position, bad: item.failed });
    this.#open = [...this.#open, { interaction: item, depth }];
    if (item.endClock.length === clock.length) this.#levels[depth]?.known.push(item.endClock[depth] ?? 0);
  }

  #add(row: TraceRow): void {
    if (row.bad) this.bad.push(this.rows.length);
    const level = this.#levels[row.depth];
    if (level !== undefined) level.row = row;
    this.rows.push(row);
  }

  #seen(from: number, to: number): void {
    this.start = Math.min(this.start, from);
    this.end = Math.max(this.end, to);
  }

  /** Go on to a clock: what is known of a row there, before it is there. */
  #step(clock: Clock, service: string): Omit<Common, "key" | "bad"> {
    this.#close((one) => compareClocks(one.interaction.endClock, clock) < 0);
    this.services.set(service, (this.services.get(service) ?? 0) + 1);
    let common = 0;
    while (common < clock.length && common < this.#clock.length && clock[common] === this.#clock[common]) common += 1;
    this.#levels.length = Math.min(this.#levels.length, common + 1);
    let missing = 0;
    let enters = false;
    for (let depth = common; depth < clock.length; depth += 1) {
      const tick = clock[depth] ?? 0;
      const level = (this.#levels[depth] ??= { tick: 0, known: [], row: undefined });
      enters = depth > 0 && level.row === undefined;
      missing += Math.max(0, tick - level.tick - 1 - level.known.filter((one) => one > level.tick && one < tick).length);
      level.tick = tick;
      level.known = level.known.filter((one) => one > tick);
    }
    this.#levels.length = clock.length;
    this.#clock = clock;
    this.missing += missing;
    return { clock, depth: Math.max(0, clock.length - 1), enters, parent: this.#levels[clock.length - 2]?.row, missing, inside: this.#open, ends: 0 };
  }

  #close(over: (bracket: Bracket) => boolean): void {
    const left = this.#open.filter((one) => !over(one));
    const closed = this.#open.length - left.length;
    if (closed === 0) return;
    const last = this.rows.at(-1);
    if (last !== undefined) last.ends += Math.min(closed, last.inside.length - last.ends);
    this.#open = left;
  }
}

function same(a: Clock, b: Clock): boolean {
  return compareClocks(a, b) === 0;
}

/** Where to look when an interaction failed: the first error that it caused; -1 if there is none here. */
export function cause(rows: readonly TraceRow[], index: number): number {
  const row = rows[index];
  if (row?.kind !== "call") return -1;
  for (let place = index + 1; place < rows.length; place += 1) {
    const next = rows[place];
    if (next === undefined || compareClocks(next.clock, row.item.endClock) > 0) return -1;
    if (next.kind === "log" && next.bad) return place;
  }
  return -1;
}

/** Places of rows that are shown; null for all of them. */
export function narrowed(rows: readonly TraceRow[], service: string, ranks: (level: string) => boolean): number[] | null {
  const found: number[] = [];
  rows.forEach((row, index) => {
    if (service !== "" && row.item.service !== service) return;
    if (row.kind === "log" ? ranks(row.item.level) : row.bad || ranks("INFO")) found.push(index);
  });
  return found.length === rows.length ? null : found;
}

/** Places of rows with a text. */
export function matches(rows: readonly TraceRow[], wanted: string): number[] {
  const small = wanted.trim().toLowerCase();
  if (small === "") return [];
  const found: number[] = [];
  rows.forEach((row, index) => {
    if (text(row).toLowerCase().includes(small) || row.item.service.toLowerCase().includes(small)) found.push(index);
  });
  return found;
}

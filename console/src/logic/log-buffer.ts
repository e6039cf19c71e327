/** Logs as a reader has them: history before, what comes live behind, a pause in between. Bounded. */

import type { Log, StoredLog } from "protocol";

export interface LogEntry {
  readonly key: string;
  readonly traceId: string;
  readonly clock: readonly number[];
  readonly timestamp: number;
  readonly node: string;
  readonly service: string;
  readonly version: string;
  readonly level: string;
  readonly category: string;
  readonly text: string;
  readonly environment: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Rows that are kept. Of live ones the oldest go; history ends here. */
export const ROWS_MAX = 100_000;
/** They go so many at a time: to move the others costs the same for one. */
const DROPPED_AT_ONCE = 5000;
/** Rows that came during a pause; beyond, they count as skipped. */
export const PENDING_MAX = 20_000;

export class LogBuffer {
  rows: LogEntry[] = [];
  /** Rows put before the first one so far, less those taken from there. */
  shift = 0;
  /** Came during the pause, in order. */
  pending: LogEntry[] = [];
  /** Live logs that are not here: they came too fast, or the pause was too long. */
  skipped = 0;
  /** The oldest rows went: history does not go on from here. */
  isCut = false;
  #paused = false;
  /** Of the newest page of history: the tail may bring the same. */
  #known: ReadonlySet<string> | null = null;

  /** The newest page of history, newest first. What the tail brought before that waits for it. */
  first(page: readonly LogEntry[]): void {
    const known = new Set(page.map((entry) => entry.key));
    this.#known = known;
    this.rows = [...page].reverse();
    const waited = this.pending.filter((entry) => !known.has(entry.key));
    this.pending = [];
    this.live(waited, 0);
  }

  /** A page of history before the first row, newest first. */
  older(page: readonly LogEntry[]): void {
    if (this.isCut) return;
    const room = page.slice(0, Math.max(0, ROWS_MAX - this.rows.length));
    this.rows = [...room.reverse(), ...this.rows];
    this.shift += room.length;
  }

  live(entries: readonly LogEntry[], skipped: number): void {
    this.skipped += skipped;
    const known = this.#known;
    if (known === null || this.#paused) {
      const room = PENDING_MAX - this.pending.length;
      for (const entry of entries.slice(0, room)) if (known === null || !known.has(entry.key)) this.pending.push(entry);
      this.skipped += Math.max(0, entries.length - room);
      return;
    }
    for (const entry of entries) if (!known.has(entry.key)) this.rows.push(entry);
    if (this.rows.length <= ROWS_MAX + DROPPED_AT_ONCE) return;
    const gone = this.rows.length - ROWS_MAX;
    this.rows.splice(0, gone);
    this.shift -= gone;
    this.isCut = true;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const waited = this.pending;
    this.pending = [];
    this.live(waited, 0);
  }
}

/** A log has a number of its sender, or else its place in its trace. */
function keyOf(node: string, sequence: number | undefined, traceId: string, clock: readonly number[]): string {
  return sequence === undefined ? `${traceId} ${clock.join(".")}` : `${node} ${sequence}`;
}

export function fromStored(log: StoredLog): LogEntry {
  const { traceId, clock, timestamp, node, service, version, level, category, text, properties } = log;
  const key = keyOf(node, log.sequence, traceId, clock);
  return { key, traceId, clock, timestamp, node, service, version, level, category, text, environment: log.environment.name, properties };
}

export function fromTail(log: Log, serviceOf: (node: string) => string, versionOf: (node: string) => string): LogEntry {
  const { context, timestamp, node, level, category, text } = log;
  const clock = context.clock.clocks;
  const key = keyOf(node, log.sequence, context.traceId, clock);
  const [service, version] = [serviceOf(node), versionOf(node)];
  return { key, traceId: context.traceId, clock, timestamp, node, service, version, level, category, text, environment: context.environment.name, properties: context.properties };
}

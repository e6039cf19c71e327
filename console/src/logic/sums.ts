/** Sums of minutes: asked for once, then told minute by minute as something is added. */

import type { CallRate, LogRate } from "protocol";
import { isBad } from "./colours";

export interface Sums {
  readonly calls: readonly CallRate[];
  readonly logs: readonly LogRate[];
}

export const MINUTE_MS = 60_000;
/** Kept, besides the minute that runs: the hour that is shown, and half of one for who shows more. */
const MINUTES_KEPT = 90;

/** A sum of a minute only grows: of two, the larger is the newer, whichever way it came. */
export class SumsStore {
  #calls = new Map<string, CallRate>();
  #logs = new Map<string, LogRate>();

  /** Forget all, before a new connection's answer: the server may have another past. */
  clear(): void {
    this.#calls = new Map();
    this.#logs = new Map();
  }

  /** Take sums of whole minutes; true if there are more failures among them than were known. */
  take({ calls, logs }: Sums, nowMs: number): boolean {
    let isWorse = false;
    for (const one of calls) {
      const key = `${one.start}\n${one.environment}\n${one.caller}\n${one.callee}`;
      const before = this.#calls.get(key);
      if (before !== undefined && before.ok + before.failed >= one.ok + one.failed) continue;
      isWorse ||= one.failed > (before?.failed ?? 0);
      this.#calls.set(key, one);
    }
    for (const one of logs) {
      const key = `${one.start}\n${one.environment}\n${one.service}\n${one.version}`;
      const before = this.#logs.get(key);
      if (before !== undefined && all(before) >= all(one)) continue;
      isWorse ||= bad(one) > (before === undefined ? 0 : bad(before));
      this.#logs.set(key, one);
    }
    const oldest = nowMs - MINUTES_KEPT * MINUTE_MS;
    for (const sums of [this.#calls, this.#logs]) for (const [key, one] of sums) if (one.start < oldest) sums.delete(key);
    return isWorse;
  }

  get sums(): Sums {
    return { calls: [...this.#calls.values()], logs: [...this.#logs.values()] };
  }
}

function all(rate: LogRate): number {
  return Object.values(rate.levels).reduce((sum, value) => sum + value, 0);
}

function bad(rate: LogRate): number {
  return Object.entries(rate.levels).reduce((sum, [level, value]) => (isBad(level) ? sum + value : sum), 0);
}

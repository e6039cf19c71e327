/** The newest calls, as callers reported them: a page that was asked for, and those that pulses bring since. */

import type { CallSeen, StoredInteraction } from "protocol";
import type { Calls } from "./services";

/** Of so many of the newest at most. */
export const RECENT_CALLS = 1000;
/** Not older than this. */
export const RECENT_MS = 15 * 60_000;

export function callOf({ uuid, traceId, start, end, environment, service, results, callees }: StoredInteraction): CallSeen {
  return { uuid, traceId, start, end, environment: environment.name, service, results, callees };
}

/** Newest first, each once. */
export function merged(before: readonly CallSeen[], more: readonly CallSeen[], nowMs: number): readonly CallSeen[] {
  const known = new Map<string, CallSeen>();
  for (const one of [...more, ...before]) if (one.end >= nowMs - RECENT_MS && !known.has(one.uuid)) known.set(one.uuid, one);
  return [...known.values()].sort((a, b) => b.end - a.end).slice(0, RECENT_CALLS);
}

export function failedOf(call: CallSeen): boolean {
  return Object.values(call.results).some((worked) => worked !== 1);
}

/** Sums by destination node. */
export function byNode(calls: readonly CallSeen[]): Map<string, Calls> {
  const sums = new Map<string, { ok: number; failed: number }>();
  for (const one of calls) {
    for (const [node, worked] of Object.entries(one.results)) {
      const found = sums.get(node) ?? { ok: 0, failed: 0 };
      if (worked === 1) found.ok += 1;
      else found.failed += 1;
      sums.set(node, found);
    }
  }
  return sums;
}

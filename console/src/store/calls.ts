/** How calls to each node went lately, as callers reported them. */

import { effect, signal } from "@preact/signals";
import { InteractionsQuery, Selection, type StoredInteraction } from "protocol";
import { count } from "~/logic/format";
import type { Calls } from "~/logic/services";
import { arrivals } from "./arrivals";
import { ask, NoAnswer } from "./connection";

/** Of so many of the newest interactions at most. */
export const RECENT_CALLS = 1000;
/** Not older than this. */
export const RECENT_MS = 15 * 60_000;

export const recentInteractions = signal<readonly StoredInteraction[]>([]);
/** What the sums are of, in words. */
export const callsSpan = signal("15 min");
export const callsByNode = signal<ReadonlyMap<string, Calls>>(new Map());

/** Sums by destination node. */
export function byNode(interactions: readonly StoredInteraction[]): Map<string, Calls> {
  const calls = new Map<string, { ok: number; failed: number }>();
  for (const one of interactions) {
    for (const [node, worked] of Object.entries(one.results)) {
      const found = calls.get(node) ?? { ok: 0, failed: 0 };
      if (worked === 1) found.ok += 1;
      else found.failed += 1;
      calls.set(node, found);
    }
  }
  return calls;
}

export function startCalls(): void {
  let asking = false;
  effect(() => {
    if (arrivals.value === 0 || asking) return;
    asking = true;
    const wanted = new Selection({ since: Date.now() - RECENT_MS });
    ask("interactions", new InteractionsQuery({ wanted, limit: RECENT_CALLS }))
      .then(
        (page) => {
          recentInteractions.value = page.items;
          callsByNode.value = byNode(page.items);
          callsSpan.value = page.next === undefined ? "15 min" : `last ${count(RECENT_CALLS)}`;
        },
        (error: unknown) => {
          if (!(error instanceof NoAnswer)) throw error; // With the next arrivals again.
        },
      )
      .finally(() => (asking = false));
  });
}

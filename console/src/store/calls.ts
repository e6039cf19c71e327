/** How calls to each node went lately, as callers reported them; asked anew when the server says that more came. */

import { effect, signal } from "@preact/signals";
import { InteractionsQuery, Selection, type StoredInteraction } from "protocol";
import type { Calls } from "~/logic/services";
import { ask, connection, NoAnswer } from "./connection";
import { pulse } from "./pulse";

/** Of so many of the newest interactions. */
export const RECENT_CALLS = 1000;
/** Not older than this. */
export const RECENT_MS = 15 * 60_000;
/** Not asked more often than this. */
const EVERY_MS = 2000;

export const recentInteractions = signal<readonly StoredInteraction[]>([]);
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

/** The server's counts of what came in; undefined before the first pulse. */
function arrived(): string {
  const counters = pulse.value.server?.counters ?? {};
  return JSON.stringify(Object.entries(counters).filter(([name]) => name.includes("interaction")));
}

export function startCalls(): void {
  let asked = "";
  let askedAt = 0;
  let asking = false;
  effect(() => {
    const state = connection.value;
    const stamp = arrived();
    if (state !== "live" || pulse.value.server === null || asking || stamp === asked || Date.now() - askedAt < EVERY_MS) return;
    asked = stamp;
    askedAt = Date.now();
    asking = true;
    const wanted = new Selection({ since: askedAt - RECENT_MS });
    ask("interactions", new InteractionsQuery({ wanted, limit: RECENT_CALLS }))
      .then(
        (page) => {
          recentInteractions.value = page.items;
          callsByNode.value = byNode(page.items);
        },
        (error: unknown) => {
          asked = ""; // At the next pulse again.
          if (!(error instanceof NoAnswer)) throw error;
        },
      )
      .finally(() => (asking = false));
  });
}

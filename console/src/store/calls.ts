/** How calls went lately, as callers reported them: asked for once a connection, then live. */

import { computed, effect, signal } from "@preact/signals";
import { type CallSeen, InteractionsQuery, type Pulse, Selection } from "protocol";
import { useEffect } from "preact/hooks";
import { count } from "~/logic/format";
import { byNode, callOf, merged, RECENT_CALLS, RECENT_MS } from "~/logic/recent";
import { ask, epoch, NoAnswer, pulseTakers } from "./connection";
import { batched } from "./frames";

/** The newest first. */
export const recentCalls = signal<readonly CallSeen[]>([]);
export const callsByNode = computed(() => byNode(recentCalls.value));
/** What the sums are of, in words. */
export const callsSpan = computed(() => (recentCalls.value.length < RECENT_CALLS ? "15 min" : `last ${count(RECENT_CALLS)}`));

/** Told of calls as they come. */
export type CallListener = (calls: readonly CallSeen[]) => void;
const listeners = new Set<CallListener>();

export function onCalls(listener: CallListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let newest: readonly CallSeen[] = [];
const show = batched<void>(() => (recentCalls.value = newest));

function take(calls: readonly CallSeen[]): void {
  newest = merged(newest, calls, Date.now());
  show();
}

/** What a pulse says; old ones go even if there are none. */
function takeCalls({ calls }: Pulse): void {
  if (calls.length > 0 || (newest.at(-1)?.end ?? Infinity) < Date.now() - RECENT_MS) take(calls);
  if (calls.length > 0) for (const listener of listeners) listener(calls);
}

const isWanted = signal(false);

/** For pages that show calls: nothing is asked before the first of them. */
export function useCalls(): void {
  useEffect(() => {
    isWanted.value = true;
  }, []);
}

export function startCalls(): void {
  pulseTakers.push(takeCalls);
  effect(() => {
    if (epoch.value === 0 || !isWanted.value) return;
    const wanted = new Selection({ since: Date.now() - RECENT_MS });
    ask("interactions", new InteractionsQuery({ wanted, limit: RECENT_CALLS })).then(
      (page) => take(page.items.map(callOf)),
      (error: unknown) => {
        if (!(error instanceof NoAnswer)) throw error; // With the next connection again.
      },
    );
  });
}

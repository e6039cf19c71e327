/** The time, for ages and countdowns: one timer for the whole page, and none while nobody looks. */

import { signal } from "@preact/signals";

/** Milliseconds since the epoch, moving on each second. */
export const now = signal(Date.now());

const listeners = new Set<() => void>();

/** Have something done each second. */
export function eachSecond(act: () => void): () => void {
  listeners.add(act);
  return () => listeners.delete(act);
}

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
    for (const act of listeners) act();
  }, 1000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) now.value = Date.now();
  });
}

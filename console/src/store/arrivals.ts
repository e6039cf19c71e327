/** Counts up when the server says that logs or interactions came in: what shows sums of them asks again then. */

import { effect, signal } from "@preact/signals";
import { connection } from "./connection";
import { pulse } from "./pulse";

/** Not more often than this, however much comes in. */
const EVERY_MS = 2000;

export const arrivals = signal(0);

/** What the server has counted of that; undefined before it has said anything. */
function counted(): string | undefined {
  const server = pulse.value.server;
  if (server === null) return undefined;
  return JSON.stringify([server.storage?.logs, server.storage?.interactions, server.counters]);
}

export function startArrivals(now: () => number = Date.now): void {
  let seen: string | undefined;
  let at = 0;
  effect(() => {
    const stamp = counted();
    if (connection.value !== "live" || stamp === undefined || stamp === seen || now() - at < EVERY_MS) return;
    seen = stamp;
    at = now();
    arrivals.value = arrivals.peek() + 1;
  });
}

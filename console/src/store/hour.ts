/** The last hour by the minute: asked for once a connection; from then on pulses bring what has changed. */

import { effect, signal } from "@preact/signals";
import { type Pulse, RatesQuery } from "protocol";
import { useEffect } from "preact/hooks";
import { lastHour } from "~/logic/overview";
import { type Sums, SumsStore } from "~/logic/sums";
import { ask, epoch, NoAnswer, pulseTakers } from "./connection";

const store = new SumsStore();

/** Null before the first answer. */
const hour = signal<Sums | null>(null);
export const hourError = signal<string | null>(null);
/** Counts up when more has failed than before: who lists failures asks again. */
export const failures = signal(0);

let isAsked = false;
const isWanted = signal(false);

/** For pages that show it: nothing is asked before the first of them. */
export function useHour(): Sums | null {
  useEffect(() => {
    isWanted.value = true;
  }, []);
  return hour.value;
}

function take(sums: Sums): void {
  if (store.take(sums, Date.now())) failures.value += 1;
  if (isAsked) hour.value = store.sums;
}

function takeSums({ logRates, callRates }: Pulse): void {
  if (logRates.length + callRates.length > 0) take({ calls: callRates, logs: logRates });
}

export function startHour(): void {
  pulseTakers.push(takeSums);
  effect(() => {
    const connected = epoch.value;
    if (connected === 0 || !isWanted.value) return;
    isAsked = false;
    store.clear();
    ask("rates", new RatesQuery(lastHour(Date.now()))).then(
      (sums) => {
        if (connected !== epoch.peek()) return;
        isAsked = true;
        hourError.value = null;
        take(sums);
      },
      (error: unknown) => {
        if (!(error instanceof NoAnswer)) throw error;
        if (connected === epoch.peek() && error.code !== "unanswered") hourError.value = error.message;
      },
    );
  });
}

/** What the overview says, worked out of what the server told: what needs attention, rates by the minute, sums by version. */

import type { BreakerSeen, ClientState, CallSeen, ServerState } from "protocol";
import type { Sums } from "./sums";
import type { Place } from "~/store/table";
import { isBad as isBadLevel } from "./colours";
import { count, counted } from "./format";
import { byVersion as inVersionOrder } from "./services";

// --- by the minute --------------------------------------------------------------------------------

export const MINUTE_MS = 60_000;
export const SPAN_MINUTES = 60;

export interface Minutes {
  /** Seconds since the epoch, one a minute. */
  readonly times: readonly number[];
  readonly calls: readonly number[];
  readonly failed: readonly number[];
  readonly logs: readonly number[];
  readonly errors: readonly number[];
}

/** The span of time that ends with this minute. */
export function lastHour(nowMs: number): { readonly since: number; readonly until: number } {
  const until = (Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS;
  return { since: until - SPAN_MINUTES * MINUTE_MS, until };
}

/** Sums of every minute; those of which nothing was said are 0. */
export function minutes(rates: Sums, since: number, environment = ""): Minutes {
  const zero = () => Array.from({ length: SPAN_MINUTES }, () => 0);
  const [calls, failed, logs, errors] = [zero(), zero(), zero(), zero()];
  const add = (sums: number[], start: number, value: number) => {
    const index = Math.floor((start - since) / MINUTE_MS);
    if (index >= 0 && index < SPAN_MINUTES) sums[index] = (sums[index] ?? 0) + value;
  };
  for (const one of rates.calls) {
    if (environment !== "" && one.environment !== environment) continue;
    add(calls, one.start, one.ok + one.failed);
    add(failed, one.start, one.failed);
  }
  for (const one of rates.logs) {
    if (environment !== "" && one.environment !== environment) continue;
    for (const [level, value] of Object.entries(one.levels)) {
      add(logs, one.start, value);
      if (isBadLevel(level)) add(errors, one.start, value);
    }
  }
  const times = Array.from({ length: SPAN_MINUTES }, (_, index) => (since + index * MINUTE_MS) / 1000);
  return { times, calls, failed, logs, errors };
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

// --- by version -----------------------------------------------------------------------------------

export interface VersionSums {
  readonly service: string;
  readonly version: string;
  ok: number;
  failed: number;
  errors: number;
  warnings: number;
}

/** How each version fares: calls to it as callers saw them, and what it says itself. Those that fail most come first. */
export function versionSums(
  rates: Sums,
  calls: readonly CallSeen[],
  placeOfNode: ReadonlyMap<string, Place>,
  environment: string,
): readonly VersionSums[] {
  const sums = new Map<string, VersionSums>();
  const of = (service: string, version: string): VersionSums => {
    const key = `${service}\n${version}`;
    const found = sums.get(key) ?? { service, version, ok: 0, failed: 0, errors: 0, warnings: 0 };
    sums.set(key, found);
    return found;
  };
  for (const one of calls) {
    if (environment !== "" && one.environment !== environment) continue;
    for (const [node, worked] of Object.entries(one.results)) {
      const place = placeOfNode.get(node);
      if (place === undefined) continue; // It has gone: nobody knows its version any more.
      if (worked === 1) of(place.service, place.version).ok += 1;
      else of(place.service, place.version).failed += 1;
    }
  }
  for (const one of rates.logs) {
    if (one.service === "" || (environment !== "" && one.environment !== environment)) continue;
    for (const [level, value] of Object.entries(one.levels)) {
      if (isBadLevel(level)) of(one.service, one.version).errors += value;
      else if (level === "WARN") of(one.service, one.version).warnings += value;
    }
  }
  const share = (one: VersionSums) => (one.failed === 0 ? 0 : one.failed / (one.ok + one.failed));
  return [...sums.values()].sort(
    (a, b) => share(b) - share(a) || b.errors - a.errors || a.service.localeCompare(b.service) || inVersionOrder(a.version, b.version),
  );
}

// --- what needs attention -------------------------------------------------------------------------

export interface Concern {
  readonly key: string;
  readonly tone: "bad" | "warn";
  readonly icon: "bad" | "warn" | "open" | "half";
  /** What is wrong, in two or three words. */
  readonly what: string;
  readonly service: string;
  readonly text: string;
  /** When it began, in milliseconds; null if that is not known. */
  readonly since: number | null;
  readonly path: string;
}

export interface Known {
  readonly places: readonly Place[];
  readonly breakers: ReadonlyMap<string, readonly BreakerSeen[]>;
  readonly clients: readonly ClientState[];
  readonly server: ServerState | null;
  readonly environment: string;
}

/** The worst first. */
export function concerns(known: Known): readonly Concern[] {
  const found = [...ofServer(known), ...ofBreakers(known), ...ofNodes(known)];
  return found.sort((a, b) => Number(a.tone === "warn") - Number(b.tone === "warn"));
}

function* ofServer({ server, clients }: Known): Iterable<Concern> {
  const concern = (key: string, tone: "bad" | "warn", what: string, text: string): Concern => ({
    key, tone, icon: tone, what, service: "", text, since: null, path: "/system",
  });
  if (server?.failing === true) yield concern("failing", "bad", "storage fails", "Nothing is stored; senders keep what they have.");
  if (server?.protected !== undefined) yield concern("protected", "warn", "no node expires", `${server.protected}.`);
  const dropping = clients.filter((client) => client.dropped > 0);
  if (dropping.length > 0) {
    const lost = total(dropping.map((client) => client.dropped));
    yield concern("dropped", "warn", "logs were lost", `${counted(dropping.length, "client")} dropped ${count(lost)} messages.`);
  }
}

function* ofBreakers({ breakers, environment, places }: Known): Iterable<Concern> {
  const byKey = new Map(places.map((place) => [place.key, place]));
  for (const [key, seen] of breakers) {
    const first = seen[0]?.breaker;
    if (first === undefined || (environment !== "" && first.environment.name !== environment)) continue;
    if (byKey.get(key)?.goneAt !== null) continue; // What is gone is called by nobody.
    const isOpen = seen.some((one) => one.breaker.state === "OPEN");
    const who = [...new Set(seen.flatMap((one) => (one.services.length > 0 ? one.services : [one.client.slice(0, 8)])))].sort();
    yield {
      key: `breaker ${key}`,
      tone: isOpen ? "bad" : "warn",
      icon: isOpen ? "open" : "half",
      what: isOpen ? "breaker open" : "breaker half-open",
      service: first.service,
      text: `${first.version ?? ""} at ${first.address} is ${isOpen ? "cut off" : "tried again"} by ${who.join(", ")}`.trim(),
      since: Math.min(...seen.map((one) => one.breaker.since)) || null,
      path: `/services/${encodeURIComponent(first.service)}`,
    };
  }
}

function* ofNodes({ places, environment }: Known): Iterable<Concern> {
  const services = new Map<string, Place[]>();
  for (const place of places) {
    if (environment !== "" && place.environment !== environment) continue;
    const key = `${place.environment}\n${place.service}`;
    services.set(key, [...(services.get(key) ?? []), place]);
  }
  for (const [key, own] of services) {
    const service = own[0]?.service ?? "";
    const path = `/services/${encodeURIComponent(service)}`;
    const live = own.filter((place) => place.goneAt === null);
    const suspect = live.filter((place) => place.suspect);
    if (live.length === 0) {
      const since = Math.max(...own.map((place) => place.goneAt ?? 0));
      yield { key: `none ${key}`, tone: "bad", icon: "bad", what: "no node left", service, text: "Calls to it wait, and fail.", since, path };
    } else if (suspect.length > 0) {
      const text = `${suspect.map((place) => place.address).join(", ")}: no connection to its process.`;
      yield { key: `suspect ${key}`, tone: "warn", icon: "warn", what: "out of touch", service, text, since: null, path };
    }
  }
}

/** What the server says each second: how nodes age, what breakers do, how clients and the server itself fare. */

import { signal } from "@preact/signals";
import { type BreakerSeen, type ClientState, type Pulse, type ServerState, type TenantLimits, type Viewer, Watch } from "protocol";
import { batched } from "./frames";
import { placeKey } from "./table";

/** One sender of an address, as of the pulse that named it. */
export interface Life {
  readonly nodeId: string;
  /** Milliseconds since the epoch, of this browser's clock. */
  readonly sinceAt: number;
  readonly renewedAt: number;
  readonly lapsesAt: number;
  readonly suspect: boolean;
}

/** What a breaker did, and when we heard of it. */
export interface BreakerChange extends BreakerSeen {
  readonly at: number;
}

/** How the server fared at one time: once a minute before this page was opened, each second since. */
export interface Sample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly connections: number;
  readonly waiting: number;
  /** Stored; null before the server has looked. */
  readonly bytes: number | null;
  /** Messages that clients dropped or the server could not store, so far. */
  readonly lost: number;
}

export interface PulseState {
  /** By place key, then by node id. */
  readonly lives: ReadonlyMap<string, ReadonlyMap<string, Life>>;
  /** Not closed, by place key. */
  readonly breakers: ReadonlyMap<string, readonly BreakerSeen[]>;
  /** Newest first. */
  readonly changes: readonly BreakerChange[];
  readonly clients: readonly ClientState[];
  readonly server: ServerState | null;
  /** Who looks; null before the first pulse. */
  readonly viewer: Viewer | null;
  readonly limits: TenantLimits | null;
}

/** Samples are kept for an hour: 3,600 of them, and 60. */
const SPAN_MS = 3_600_000;
const CHANGES_MAX = 200;
/** A sender that was to lapse so long ago, and of which nothing was heard, is gone. */
const LAPSED_MS = 60_000;

/** The client's side of Console: a pure reducer. */
export class PulseStore {
  #lives = new Map<string, Map<string, Life>>();
  #changes: BreakerChange[] = [];
  #viewer: Viewer | null = null;
  #limits: TenantLimits | null = null;
  readonly samples: Sample[] = [];
  readonly #changed: (state: PulseState) => void;
  readonly #now: () => number;

  constructor(changed: (state: PulseState) => void, now: () => number = Date.now) {
    this.#changed = changed;
    this.#now = now;
  }

  take(m: Pulse): void {
    const at = this.#now();
    this.#takeLives(m, at);
    this.#changes = [...m.changes.map((one) => ({ ...one, at })).reverse(), ...this.#changes].slice(0, CHANGES_MAX);
    this.#sample(m, at);
    this.#viewer = m.viewer ?? this.#viewer;
    this.#limits = m.limits ?? this.#limits;
    this.#changed({
      viewer: this.#viewer,
      limits: this.#limits,
      lives: this.#lives,
      breakers: byPlace(m.breakers),
      changes: this.#changes,
      clients: m.clients ?? [],
      server: m.server,
    });
  }

  #sample(m: Pulse, at: number): void {
    const { connections, waiting, storage } = m.server;
    const before = this.samples.at(-1)?.at ?? 0;
    for (const one of m.minutes) if (one.time > before && one.time < at) this.samples.push({ ...one, at: one.time });
    this.samples.push({ at, connections, waiting, bytes: storage?.bytes ?? null, lost: lost(m) });
    const first = this.samples.findIndex((one) => one.at > at - SPAN_MS);
    if (first > 0) this.samples.splice(0, first);
  }

  #takeLives(m: Pulse, at: number): void {
    const lives = new Map(m.whole ? [] : this.#lives);
    const copied = new Set<string>();
    for (const one of m.nodes) {
      const key = placeKey(one.environment, one.service, one.address);
      const senders = copied.has(key) ? (lives.get(key) ?? new Map()) : new Map(lives.get(key));
      copied.add(key);
      lives.set(key, senders);
      senders.set(one.node, {
        nodeId: one.node,
        sinceAt: at - one.since * 1000,
        renewedAt: at - one.renewed * 1000,
        lapsesAt: at + one.left * 1000,
        suspect: one.suspect,
      });
    }
    for (const [key, senders] of lives) {
      for (const life of senders.values()) if (life.lapsesAt < at - LAPSED_MS) senders.delete(life.nodeId);
      if (senders.size === 0) lives.delete(key);
    }
    this.#lives = lives;
  }
}

function lost(m: Pulse): number {
  let sum = (m.server.counters["log rejected"] ?? 0) + (m.server.counters["interaction rejected"] ?? 0);
  for (const client of m.clients ?? []) sum += client.dropped;
  return sum;
}

function byPlace(breakers: readonly BreakerSeen[]): Map<string, BreakerSeen[]> {
  const found = new Map<string, BreakerSeen[]>();
  for (const one of breakers) {
    const { environment, service, address } = one.breaker;
    const key = placeKey(environment.name, service, address);
    found.set(key, [...(found.get(key) ?? []), one]);
  }
  return found;
}

const NOTHING: PulseState = { lives: new Map(), breakers: new Map(), changes: [], clients: [], server: null, viewer: null, limits: null };

export const pulse = signal<PulseState>(NOTHING);
export const pulses = new PulseStore(batched((state) => (pulse.value = state)));

/** What the console wants of the server, on every connection. */
export const watched = { watch: new Watch({ clients: true }) };

/** Of several senders of one address the one that holds out longest. */
export function longest(senders: ReadonlyMap<string, Life> | undefined): Life | null {
  let best: Life | null = null;
  for (const life of senders?.values() ?? []) if (best === null || life.lapsesAt > best.lapsesAt) best = life;
  return best;
}

/** True if the token of who looks allows it: "read", "register", "write" or "admin". */
export function may(scope: string): boolean {
  return pulse.value.viewer?.scopes.includes(scope) ?? false;
}

/** The nodes of all services, live: what the server's Table tells, and for a little while what has gone. */

import { type Changes, Follow, type Node, type Position, type TableBegin, type TableEnd } from "protocol";
import { computed, signal } from "@preact/signals";
import { batched } from "./frames";

/** One address of a service. */
export interface Place {
  readonly key: string;
  readonly environment: string;
  readonly service: string;
  readonly version: string;
  readonly address: string;
  /** Of the process that advertises it. */
  readonly nodeId: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly fallback: string | undefined;
  /** Its process is out of touch. */
  readonly suspect: boolean;
  /** When it was first named to this page, in milliseconds; null if it was there before. */
  readonly cameAt: number | null;
  /** When it went; null while it is there. */
  readonly goneAt: number | null;
}

/** So long what has gone is still shown. */
export const GONE_SHOWN_MS = 20_000;
/** What has gone is kept up to here, oldest first out: a whole table may go at once. */
const GONE_MAX = 500;

export function placeKey(environment: string, service: string, address: string): string {
  return `${environment}\n${service}\n${address}`;
}

const SENDER_PROPERTY = "datawire_nodeId";

/** The client's side of Table: a pure reducer, apart from the signals that it feeds. */
export class TableStore {
  readonly #places = new Map<string, Place>();
  readonly #doubted = new Set<string>();
  #position: Position | undefined;
  #answered = false;
  readonly #now: () => number;
  readonly #changed: (places: readonly Place[]) => void;

  constructor(changed: (places: readonly Place[]) => void, now: () => number = Date.now) {
    this.#changed = changed;
    this.#now = now;
  }

  /** What to ask for on a new connection. */
  follow(): Follow {
    return new Follow(this.#position === undefined ? {} : { since: this.#position });
  }

  begins(m: TableBegin): void {
    const wanted = m.services === undefined ? null : new Set(m.services);
    for (const [key, place] of this.#places) {
      if (place.goneAt === null && (wanted === null || wanted.has(place.service))) this.#doubted.add(key);
    }
  }

  changed(m: Changes): void {
    for (const node of m.active) this.#take(node, false);
    for (const node of m.suspect) this.#take(node, true);
    for (const place of m.gone) this.#drop(placeKey(place.environment, place.service, place.address));
    this.#position = m.position ?? this.#position;
    this.#tell();
  }

  ends(m: TableEnd): void {
    this.#position = m.position;
    this.#answered = true;
    if (m.complete) this.complete();
  }

  complete(): void {
    for (const key of this.#doubted) this.#drop(key);
    this.#doubted.clear();
    this.#tell();
  }

  /** The connection is gone; what is known stays, and is compared when there is a new one. */
  lost(): void {
    this.#doubted.clear();
  }

  clear(): void {
    for (const key of [...this.#places.keys()]) this.#drop(key);
    this.#tell();
  }

  /** Forget what has gone long enough ago. */
  tidy(): void {
    const before = this.#now() - GONE_SHOWN_MS;
    const old = [...this.#places.values()].filter((place) => place.goneAt !== null && place.goneAt <= before);
    for (const place of old) this.#places.delete(place.key);
    if (old.length > 0) this.#tell();
  }

  #take(node: Node, suspect: boolean): void {
    const { service, address = "", version = "", environment, properties } = node;
    const key = placeKey(environment.name, service, address);
    const before = this.#places.get(key);
    this.#doubted.delete(key);
    this.#places.set(key, {
      key,
      environment: environment.name,
      service,
      version,
      address,
      nodeId: node.id ?? String(properties[SENDER_PROPERTY] ?? ""),
      properties,
      fallback: environment.fallbackName,
      suspect,
      cameAt: before !== undefined && before.goneAt === null ? before.cameAt : this.#answered ? this.#now() : null,
      goneAt: null,
    });
  }

  #drop(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined || place.goneAt !== null) return;
    this.#places.delete(key); // Put behind those that went before.
    this.#places.set(key, { ...place, goneAt: this.#now() });
    let gone = 0;
    for (const one of this.#places.values()) gone += one.goneAt === null ? 0 : 1;
    if (gone <= GONE_MAX) return;
    for (const one of this.#places.values()) {
      if (one.goneAt === null) continue;
      this.#places.delete(one.key);
      break;
    }
  }

  #tell(): void {
    this.#changed([...this.#places.values()]);
  }
}

/** All places, those that have just gone included; in no order. Renewed once a frame at most. */
export const places = signal<readonly Place[]>([]);
export const table = new TableStore(batched((now) => (places.value = now)));

export const livePlaces = computed(() => places.value.filter((place) => place.goneAt === null));

/** The names of all environments, sorted. */
export const environments = computed(() => [...new Set(places.value.map((place) => place.environment))].sort());

/** The names of all services, sorted. */
export const services = computed(() => [...new Set(livePlaces.value.map((place) => place.service))].sort());

/** Which service a process offers, by its node id: names for what logs and interactions call by id. */
export const serviceOfNode = computed(() => new Map(places.value.map((place) => [place.nodeId, place])));

/** The table as a tree of services, versions and nodes; which of them are shown, and how each of them stands. */

import type { BreakerSeen } from "protocol";
import type { Place } from "~/store/table";
import type { Life } from "~/store/pulse";

export type Health = "up" | "suspect" | "late" | "gone";

/** Calls to it, as its callers reported them. */
export interface Calls {
  readonly ok: number;
  readonly failed: number;
}

export const NO_CALLS: Calls = { ok: 0, failed: 0 };

export interface NodeRow {
  readonly kind: "node";
  readonly key: string;
  readonly place: Place;
  readonly health: Health;
  readonly life: Life | null;
  /** Processes that advertise this address. */
  readonly senders: number;
  /** Not closed. */
  readonly breakers: readonly BreakerSeen[];
  readonly calls: Calls;
}

interface Group {
  readonly key: string;
  readonly environment: string;
  readonly service: string;
  readonly up: number;
  readonly suspect: number;
  readonly gone: number;
  readonly openBreakers: number;
  readonly calls: Calls;
  readonly isOpen: boolean;
}

export interface VersionRow extends Group {
  readonly kind: "version";
  readonly version: string;
}

export interface ServiceRow extends Group {
  readonly kind: "service";
  readonly versions: readonly string[];
}

export type Row = ServiceRow | VersionRow | NodeRow;

export interface Facts {
  readonly lives: ReadonlyMap<string, ReadonlyMap<string, Life>>;
  readonly breakers: ReadonlyMap<string, readonly BreakerSeen[]>;
  /** By node id. */
  readonly calls: ReadonlyMap<string, Calls>;
}

export interface Wanted {
  readonly environment: string;
  readonly text: string;
  /** Only what is not as it should be. */
  readonly onlyBad: boolean;
  /** Keys of groups that are closed. */
  readonly closed: ReadonlySet<string>;
}

export function sum(calls: Iterable<Calls>): Calls {
  let ok = 0;
  let failed = 0;
  for (const one of calls) {
    ok += one.ok;
    failed += one.failed;
  }
  return { ok, failed };
}

/** One for all: making one takes longer than comparing. */
const NUMERIC = new Intl.Collator("en", { numeric: true });

/** Versions in the order of their numbers: "1.9" before "1.10". */
export function byVersion(a: string, b: string): number {
  return NUMERIC.compare(a, b);
}

/** A node as it stands. */
export function nodeRow(place: Place, facts: Facts): NodeRow {
  const senders = facts.lives.get(place.key);
  let life: Life | null = null;
  for (const one of senders?.values() ?? []) if (life === null || one.lapsesAt > life.lapsesAt) life = one;
  const nodeIds = senders === undefined ? [place.nodeId] : [...senders.keys()];
  return {
    kind: "node",
    key: place.key,
    place,
    health: place.goneAt !== null ? "gone" : place.suspect ? "suspect" : "up",
    life,
    senders: senders?.size ?? 1,
    breakers: facts.breakers.get(place.key) ?? [],
    calls: sum(nodeIds.map((id) => facts.calls.get(id) ?? NO_CALLS)),
  };
}

/** True if something is wrong with it. */
export function isBad(row: NodeRow): boolean {
  return row.health !== "up" || row.breakers.length > 0 || row.calls.failed > 0;
}

/** True if the node is meant by every word of the text: part of its service, version, address, environment or id. */
export function fits(place: Place, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const all = [place.service, place.version, place.address, place.environment, place.nodeId].join("\n").toLowerCase();
  return words.every((word) => all.includes(word));
}

/** The rows that are shown, in order. */
export function rows(places: readonly Place[], facts: Facts, wanted: Wanted): readonly Row[] {
  const nodes = places
    .filter((place) => wanted.environment === "" || place.environment === wanted.environment)
    .filter((place) => fits(place, wanted.text))
    .map((place) => nodeRow(place, facts));
  const services = grouped(nodes, (node) => `${node.place.service}\n${node.place.environment}`);
  const shown: Row[] = [];
  for (const name of [...services.keys()].sort()) {
    const members = services.get(name) ?? [];
    if (wanted.onlyBad && !members.some(isBad)) continue;
    const versions = grouped(members, (node) => node.place.version);
    const names = [...versions.keys()].sort(byVersion);
    const service: ServiceRow = { kind: "service", versions: names, ...group(`s\n${name}`, members, wanted) };
    shown.push(service);
    if (!service.isOpen) continue;
    for (const version of names) {
      const own = (versions.get(version) ?? []).filter((node) => !wanted.onlyBad || isBad(node));
      if (own.length === 0) continue;
      const row: VersionRow = { kind: "version", version, ...group(`v\n${name}\n${version}`, own, wanted) };
      shown.push(row);
      if (row.isOpen) shown.push(...own.sort((a, b) => NUMERIC.compare(a.place.address, b.place.address)));
    }
  }
  return shown;
}

function group(key: string, nodes: readonly NodeRow[], wanted: Wanted): Group {
  const first = nodes[0];
  return {
    key,
    environment: first?.place.environment ?? "",
    service: first?.place.service ?? "",
    up: nodes.filter((node) => node.health === "up").length,
    suspect: nodes.filter((node) => node.health === "suspect").length,
    gone: nodes.filter((node) => node.health === "gone").length,
    openBreakers: nodes.filter((node) => node.breakers.length > 0).length,
    calls: sum(nodes.map((node) => node.calls)),
    isOpen: !wanted.closed.has(key),
  };
}

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const found = groups.get(key(item));
    if (found === undefined) groups.set(key(item), [item]);
    else found.push(item);
  }
  return groups;
}

const DEPTH = { service: 1, version: 2, node: 3 } as const;

/** Where the group of a row stands; the row itself if it has none. */
export function parentIndex(shown: readonly Row[], index: number): number {
  const depth = DEPTH[shown[index]?.kind ?? "service"];
  for (let at = index - 1; at >= 0; at -= 1) if (DEPTH[shown[at]?.kind ?? "node"] < depth) return at;
  return index;
}

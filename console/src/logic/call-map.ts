/** Who calls whom: the edges with how they fare, and a place for each service that it keeps. */

import type { CallRate, CallSeen } from "protocol";
import { layered } from "./layers";

export interface MapEdge {
  readonly key: string;
  readonly caller: string;
  readonly callee: string;
  readonly ok: number;
  readonly failed: number;
  /** In the last two minutes, as far as the newest interactions tell. */
  readonly recentOk: number;
  readonly recentFailed: number;
  /** Milliseconds; null if no interaction is at hand. */
  readonly p50: number | null;
  readonly p95: number | null;
  /** Calls by span of time, oldest first. */
  readonly history: readonly { readonly start: number; readonly ok: number; readonly failed: number }[];
}

export type EdgeHealth = "ok" | "warn" | "bad" | "idle";

export const RECENT_MS = 2 * 60_000;
/** Failing as many of the newest calls, an edge is broken. */
const BROKEN = 0.05;

/** Now, rather than on the whole: a broken edge is seen at once, and so is one that is mended. */
export function health(edge: MapEdge): EdgeHealth {
  const recent = edge.recentOk + edge.recentFailed;
  if (recent > 0) return edge.recentFailed === 0 ? "ok" : edge.recentFailed / recent >= BROKEN ? "bad" : "warn";
  if (edge.ok + edge.failed === 0) return "idle";
  return edge.failed === 0 ? "ok" : "warn";
}

export function edgeKey(caller: string, callee: string): string {
  return `${caller}>${callee}`;
}

export function edges(rates: readonly CallRate[], newest: readonly CallSeen[], nowMs: number): readonly MapEdge[] {
  const found = new Map<string, { caller: string; callee: string; ok: number; failed: number; history: Map<number, { ok: number; failed: number }> }>();
  for (const { caller, callee, start, ok, failed } of rates) {
    const key = edgeKey(caller, callee);
    const edge = found.get(key) ?? { caller, callee, ok: 0, failed: 0, history: new Map() };
    found.set(key, edge);
    edge.ok += ok;
    edge.failed += failed;
    const span = edge.history.get(start) ?? { ok: 0, failed: 0 };
    edge.history.set(start, { ok: span.ok + ok, failed: span.failed + failed });
  }
  const seen = recent(newest, nowMs);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, edge]) => {
    const { ok: recentOk = 0, failed: recentFailed = 0, took = [] } = seen.get(key) ?? {};
    took.sort((a, b) => a - b);
    const history = [...edge.history].sort(([a], [b]) => a - b).map(([start, span]) => ({ start, ...span }));
    return { key, caller: edge.caller, callee: edge.callee, ok: edge.ok, failed: edge.failed, recentOk, recentFailed, p50: quantile(took, 0.5), p95: quantile(took, 0.95), history };
  });
}

/** Sums of minutes as sums of longer spans. */
export function inSteps(rates: readonly CallRate[], stepMs: number): readonly CallRate[] {
  return rates.map((rate) => ({ ...rate, start: Math.floor(rate.start / stepMs) * stepMs }));
}

interface Seen {
  ok: number;
  failed: number;
  took: number[];
}

function recent(newest: readonly CallSeen[], nowMs: number): Map<string, Seen> {
  const found = new Map<string, Seen>();
  for (const one of newest) {
    for (const [node, worked] of Object.entries(one.results)) {
      const key = edgeKey(one.service, one.callees[node] ?? "");
      const seen = found.get(key) ?? { ok: 0, failed: 0, took: [] };
      found.set(key, seen);
      seen.took.push(one.end - one.start);
      if (one.end < nowMs - RECENT_MS) continue;
      if (worked === 1) seen.ok += 1;
      else seen.failed += 1;
    }
  }
  return found;
}

function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

export type Places = ReadonlyMap<string, Place>;

export const NODE_WIDTH = 148;
export const NODE_HEIGHT = 40;
/** Between two columns: room for the words at an edge. */
const COLUMN_PX = 170;
const ROW_PX = 36;
const MARGIN_PX = 28;

/** A place for each service, callers to the left. */
export function arranged(edges: readonly { readonly caller: string; readonly callee: string }[]): Places {
  const spots = layered(edges.map(({ caller, callee }) => ({ from: caller, to: callee })));
  return new Map([...spots].map(([name, { layer, y }]) => [name, at(layer, y)]));
}

function at(layer: number, y: number): Place {
  return { x: 16 + NODE_WIDTH / 2 + layer * (NODE_WIDTH + COLUMN_PX), y: Math.round(MARGIN_PX + NODE_HEIGHT / 2 + y * (NODE_HEIGHT + ROW_PX)) };
}

/** Those that have a place keep it; others come to the right of who calls them, where there is room. */
export function placed(before: Places, edges: readonly { readonly caller: string; readonly callee: string }[]): Places {
  if (before.size === 0) return arranged(edges);
  const names = new Set(edges.flatMap(({ caller, callee }) => [caller, callee]));
  const places = new Map([...before].filter(([name]) => names.has(name)));
  for (const name of names) {
    if (places.has(name)) continue;
    const caller = edges.find((edge) => edge.callee === name && places.has(edge.caller))?.caller;
    const callee = edges.find((edge) => edge.caller === name && places.has(edge.callee))?.callee;
    const beside = places.get(caller ?? callee ?? "") ?? at(0, 0);
    const step = NODE_WIDTH + COLUMN_PX;
    const x = caller !== undefined ? beside.x + step : Math.max(16 + NODE_WIDTH / 2, beside.x - step);
    let { y } = beside;
    while ([...places.values()].some((place) => Math.abs(place.x - x) < NODE_WIDTH + 8 && Math.abs(place.y - y) < NODE_HEIGHT + 16)) y += NODE_HEIGHT + ROW_PX;
    places.set(name, { x, y });
  }
  return places;
}

type Point = readonly [number, number];

/** A line from one service to another, and a point of it: `share` of the way. */
export function line(from: Place, to: Place, share = 0.5): { readonly d: string; readonly x: number; readonly y: number } {
  const half = NODE_WIDTH / 2;
  if (from === to) {
    const top = from.y - NODE_HEIGHT / 2;
    return curve([from.x + 20, top], [from.x + 44, top - 40], [from.x - 44, top - 40], [from.x - 20, top], 0.5);
  }
  if (to.x > from.x + half) {
    const [x1, x2] = [from.x + half, to.x - half - 5];
    const bend = Math.max(40, (x2 - x1) / 2);
    return curve([x1, from.y], [x1 + bend, from.y], [x2 - bend, to.y], [x2, to.y], share);
  }
  // Back, or up and down: around below both.
  const low = Math.max(from.y, to.y) + NODE_HEIGHT / 2 + 56;
  const [y1, y2] = [from.y + NODE_HEIGHT / 2, to.y + NODE_HEIGHT / 2 + 5];
  return curve([from.x + 16, y1], [from.x + 16, low], [to.x - 16, low], [to.x - 16, y2], 0.5);
}

function curve(a: Point, b: Point, c: Point, d: Point, t: number): { readonly d: string; readonly x: number; readonly y: number } {
  const on = (p: number, q: number, r: number, s: number) => (1 - t) ** 3 * p + 3 * (1 - t) ** 2 * t * q + 3 * (1 - t) * t ** 2 * r + t ** 3 * s;
  const path = `M${a.join(" ")} C${b.join(" ")} ${c.join(" ")} ${d.join(" ")}`;
  return { d: path, x: on(a[0], b[0], c[0], d[0]), y: on(a[1], b[1], c[1], d[1]) };
}

/** Where the words of an edge stand: at the end where fewer edges meet. */
export function labelShare(edge: { readonly caller: string; readonly callee: string }, edges: readonly { readonly caller: string; readonly callee: string }[]): number {
  const out = edges.filter((one) => one.caller === edge.caller).length;
  const into = edges.filter((one) => one.callee === edge.callee).length;
  return out === into ? 0.5 : out > into ? 0.68 : 0.32;
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { CallRate, CallSeen } from "protocol";
import { arranged, edges, health, inSteps, labelShare, line, placed, RECENT_MS } from "~/logic/call-map";
import { layered } from "~/logic/layers";

const SHOP = [["gateway", "orders"], ["gateway", "cart"], ["orders", "cart"], ["orders", "payments"], ["orders", "mail"]].map(([caller = "", callee = ""]) => ({ caller, callee }));
const rate = (caller: string, callee: string, ok: number, failed: number, start = 0) => new CallRate({ start, environment: "e", caller, callee, ok, failed });

function interaction(caller: string, callee: string, worked: boolean, end: number, took = 10): CallSeen {
  return new CallSeen({ uuid: "u", traceId: "t", start: end - took, end, environment: "e", service: caller, results: { m: worked ? 1 : 0 }, callees: { m: callee } });
}

test("an edge sums its spans, over environments, and has latencies of the newest interactions", () => {
  const [edge] = edges([rate("a", "b", 3, 1), rate("a", "b", 2, 0), rate("a", "b", 5, 0, 60_000)], [10, 20, 30, 40].map((took) => interaction("a", "b", true, 1000, took)), 1000);
  assert.deepEqual([edge?.ok, edge?.failed, edge?.p50, edge?.p95], [10, 1, 30, 40]);
  assert.deepEqual(edge?.history, [{ start: 0, ok: 5, failed: 1 }, { start: 60_000, ok: 5, failed: 0 }]);
});

test("an edge is judged by its newest calls: broken at once, and mended at once", () => {
  const at = 10 * RECENT_MS;
  const judged = (ok: number, failed: number, newest: CallSeen[]) => health(edges([rate("a", "b", ok, failed)], newest, at)[0]!);
  assert.equal(judged(10_000, 3, Array.from({ length: 3 }, () => interaction("a", "b", false, at))), "bad");
  assert.equal(judged(100, 50, [interaction("a", "b", true, at)]), "ok");
  assert.equal(judged(100, 1, [interaction("a", "b", false, at - RECENT_MS - 1)]), "warn");
  assert.equal(judged(100, 1, [...Array.from({ length: 99 }, () => interaction("a", "b", true, at)), interaction("a", "b", false, at)]), "warn");
  assert.equal(judged(0, 0, []), "idle");
});

test("callers stand to the left of those they call, and nobody on somebody else", () => {
  const places = arranged(SHOP);
  for (const { caller, callee } of SHOP) assert.ok(places.get(caller)!.x < places.get(callee)!.x, `${caller} > ${callee}`);
  const all = [...places.values()];
  for (const [index, a] of all.entries()) for (const b of all.slice(index + 1)) assert.ok(a.x !== b.x || Math.abs(a.y - b.y) >= 40);
});

test("circles, calls to oneself and sixty services have places, too", () => {
  assert.equal(layered([{ from: "a", to: "b" }, { from: "b", to: "c" }, { from: "c", to: "a" }, { from: "a", to: "a" }]).size, 3);
  const many = Array.from({ length: 59 }, (_, index) => ({ from: `s${Math.floor(index / 3)}`, to: `s${index + 1}` }));
  const spots = [...layered(many).values()];
  assert.equal(spots.length, 60);
  assert.equal(new Set(spots.map((spot) => `${spot.layer} ${spot.y.toFixed(3)}`)).size, 60);
  assert.equal(layered([]).size, 0);
});

test("links that need not cross do not", () => {
  const spots = layered([{ from: "a", to: "y" }, { from: "b", to: "x" }]);
  assert.equal(spots.get("a")!.y < spots.get("b")!.y, spots.get("y")!.y < spots.get("x")!.y);
});

test("services keep their places while edges and services come; a new one stands right of its caller", () => {
  const before = placed(new Map(), SHOP);
  const after = placed(before, [...SHOP, { caller: "mail", callee: "gateway" }, { caller: "orders", callee: "inventory" }]);
  for (const [name, place] of before) assert.deepEqual(after.get(name), place);
  assert.ok(after.get("inventory")!.x > after.get("orders")!.x);
  assert.ok([...before.values()].every((place) => place.x !== after.get("inventory")!.x || Math.abs(place.y - after.get("inventory")!.y) >= 40));
  assert.equal(placed(after, SHOP).has("inventory"), false);
});

test("a line begins and ends at its services, and its words stand on it", () => {
  const { d, x, y } = line({ x: 100, y: 50 }, { x: 500, y: 50 });
  assert.match(d, /^M174 50 C.* 421 50$/);
  assert.deepEqual([x, y], [297.5, 50]);
  assert.ok(labelShare(SHOP[3]!, SHOP) > 0.5, "orders calls many: the words stand near whom it calls");
});

test("minutes become spans of the map's history", () => {
  const spans = inSteps([rate("a", "b", 1, 0, 60_000), rate("a", "b", 2, 0, 120_000), rate("a", "b", 4, 1, 180_000)], 120_000);
  assert.deepEqual(edges(spans, [], 0)[0]?.history, [{ start: 0, ok: 1, failed: 0 }, { start: 120_000, ok: 6, failed: 1 }]);
});

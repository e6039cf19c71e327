import assert from "node:assert/strict";
import { test } from "node:test";
import { byVersion, fits, parentIndex, type Row, rows } from "~/logic/services";
import type { Life } from "~/store/pulse";
import type { Place } from "~/store/table";

function place(service: string, version: string, port: number, more: Partial<Place> = {}): Place {
  const address = `http://h:${port}`;
  return {
    key: `production\n${service}\n${address}`, environment: "production", service, version, address, nodeId: `n${port}`,
    properties: {}, fallback: undefined, suspect: false, cameAt: null, goneAt: null, ...more,
  };
}

const none = { lives: new Map(), breakers: new Map(), calls: new Map() };
const all = { environment: "", text: "", onlyBad: false, closed: new Set<string>() };
const named = (found: readonly Row[]) => found.map((row) => (row.kind === "node" ? row.place.address : row.kind === "version" ? `v${row.version}` : row.service));

const SHOP = [place("mail", "1.0", 9), place("cart", "1.10", 2), place("cart", "1.9", 10), place("cart", "1.9", 1)];

test("services by name, versions by number, nodes by address", () => {
  assert.deepEqual(named(rows(SHOP, none, all)), ["cart", "v1.9", "http://h:1", "http://h:10", "v1.10", "http://h:2", "mail", "v1.0", "http://h:9"]);
  assert.deepEqual(["1.10", "1.9", "1.0-rc"].sort(byVersion), ["1.0-rc", "1.9", "1.10"]);
});

test("what is closed hides what is in it, and counts it all the same", () => {
  const [cart, mail] = rows(SHOP, none, { ...all, closed: new Set(["s\ncart\nproduction", "s\nmail\nproduction"]) });
  assert.deepEqual([cart?.kind, cart?.kind === "service" && cart.up, mail?.kind], ["service", 3, "service"]);
});

test("every word of the filter must be somewhere", () => {
  assert.ok(fits(SHOP[1] as Place, "CART 1.10"));
  assert.ok(fits(SHOP[1] as Place, "h:2 production"));
  assert.ok(!fits(SHOP[1] as Place, "cart 1.9"));
  assert.deepEqual(named(rows(SHOP, none, { ...all, text: "1.10" })), ["cart", "v1.10", "http://h:2"]);
  assert.deepEqual(rows(SHOP, none, { ...all, environment: "staging" }), []);
});

test("only what is not well: suspects, the gone, the cut off, and those with failed calls", () => {
  const calls = new Map([["n9", { ok: 5, failed: 1 }]]);
  const shop = [...SHOP, place("old", "1", 5, { goneAt: 1 }), place("shaky", "1", 6, { suspect: true })];
  assert.deepEqual(named(rows(shop, { ...none, calls }, { ...all, onlyBad: true })), [
    "mail", "v1.0", "http://h:9", "old", "v1", "http://h:5", "shaky", "v1", "http://h:6",
  ]);
});

test("an address with several processes sums their calls, and holds out as long as the last of them", () => {
  const life = (nodeId: string, lapsesAt: number): Life => ({ nodeId, sinceAt: 0, renewedAt: 0, lapsesAt, suspect: false });
  const cart = place("cart", "1", 1);
  const lives = new Map([[cart.key, new Map([["a", life("a", 10)], ["b", life("b", 30)], ["c", life("c", 20)]])]]);
  const calls = new Map([["a", { ok: 1, failed: 0 }], ["c", { ok: 2, failed: 3 }]]);
  const node = rows([cart], { ...none, lives, calls }, all)[2];
  assert.ok(node?.kind === "node");
  assert.deepEqual([node.senders, node.life?.nodeId, node.calls], [3, "b", { ok: 3, failed: 3 }]);
});

test("the group of a row is the one above it that is less deep", () => {
  const shown = rows(SHOP, none, all);
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((index) => parentIndex(shown, index)), [0, 0, 1, 1, 0, 4]);
});

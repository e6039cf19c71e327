import assert from "node:assert/strict";
import { test } from "node:test";
import { Changes, Environment, Node, Place as Gone, Position, TableBegin, TableEnd } from "protocol";
import { GONE_SHOWN_MS, type Place, TableStore } from "~/store/table";

const production = new Environment({ name: "production" });
const node = (service: string, port: number, version = "1.0") =>
  new Node({ id: `n${port}`, service, version, address: `http://h:${port}`, environment: production });
const gone = (service: string, port: number) => new Gone({ service, environment: "production", address: `http://h:${port}` });
const position = (sequence: number) => new Position({ epoch: "e", sequence });

function fresh() {
  let seen: readonly Place[] = [];
  const clock = { ms: 1000 };
  const store = new TableStore((places) => (seen = places), () => clock.ms);
  const live = () => seen.filter((place) => place.goneAt === null).map((place) => place.address).sort();
  return { store, clock, live, all: () => seen };
}

test("what the server names is there, and what it takes away is shown as gone for a while", () => {
  const { store, clock, live, all } = fresh();
  store.begins(new TableBegin());
  store.changed(new Changes({ active: [node("cart", 1), node("cart", 2)] }));
  store.ends(new TableEnd({ position: position(1) }));
  assert.deepEqual(live(), ["http://h:1", "http://h:2"]);
  assert.ok(all().every((place) => place.cameAt === null), "nothing of the first table is new");
  clock.ms = 5000;
  store.changed(new Changes({ gone: [gone("cart", 1)], position: position(2) }));
  assert.deepEqual(live(), ["http://h:2"]);
  assert.equal(all().find((place) => place.address === "http://h:1")?.goneAt, 5000);
  clock.ms += GONE_SHOWN_MS;
  store.tidy();
  assert.equal(all().length, 1);
});

test("a node that comes later is new, and one that comes back is there again", () => {
  const { store, clock, all } = fresh();
  store.begins(new TableBegin());
  store.ends(new TableEnd({ position: position(0) }));
  clock.ms = 2000;
  store.changed(new Changes({ active: [node("cart", 1)] }));
  assert.equal(all()[0]?.cameAt, 2000);
  store.changed(new Changes({ gone: [gone("cart", 1)] }));
  clock.ms = 3000;
  store.changed(new Changes({ active: [node("cart", 1)] }));
  assert.deepEqual([all().length, all()[0]?.goneAt, all()[0]?.cameAt], [1, null, 3000]);
});

test("after a reconnect what is not named again is gone, once the server says that this is all", () => {
  const { store, live } = fresh();
  store.begins(new TableBegin());
  store.changed(new Changes({ active: [node("cart", 1), node("cart", 2)] }));
  store.ends(new TableEnd({ position: position(1) }));
  store.lost();
  assert.equal(store.follow().since?.sequence, 1);
  store.begins(new TableBegin());
  store.changed(new Changes({ active: [node("cart", 2)] }));
  store.ends(new TableEnd({ position: position(1), complete: false }));
  assert.deepEqual(live(), ["http://h:1", "http://h:2"], "a server that has just started may not know all");
  store.complete();
  assert.deepEqual(live(), ["http://h:2"]);
});

test("a suspect node is there, and is trusted again when it is active", () => {
  const { store, all } = fresh();
  store.changed(new Changes({ active: [node("cart", 1)] }));
  store.changed(new Changes({ suspect: [node("cart", 1)] }));
  assert.equal(all()[0]?.suspect, true);
  store.changed(new Changes({ active: [node("cart", 1)] }));
  assert.equal(all()[0]?.suspect, false);
});

test("what has gone is bounded", () => {
  const { store, all } = fresh();
  store.changed(new Changes({ active: Array.from({ length: 600 }, (_, index) => node("cart", index)) }));
  store.clear();
  assert.equal(all().length, 500);
});

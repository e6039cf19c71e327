import assert from "node:assert/strict";
import { test } from "node:test";
import { BreakerSeen, BreakerStatus, ClientState, Environment, NodeLife, Pulse, ServerMinute, ServerState, TenantLimits, Viewer } from "protocol";
import { longest, type PulseState, PulseStore } from "~/store/pulse";
import { placeKey } from "~/store/table";

const server = new ServerState({ time: 0, uptime: 1, connections: 1, nodes: 1, counters: { "log rejected": 2 } });
const KEY = placeKey("production", "cart", "a");
const life = (node: string, renewed: number, left: number) =>
  new NodeLife({ environment: "production", service: "cart", version: "1", address: "a", node, since: 100, renewed, left });

function fresh() {
  const clock = { ms: 1_000_000 };
  const seen: PulseState[] = [];
  const store = new PulseStore((state) => seen.push(state), () => clock.ms);
  return { store, clock, newest: () => seen.at(-1) as PulseState };
}

test("ages become times of this browser's clock, so that they move on by themselves", () => {
  const { store, newest } = fresh();
  store.take(new Pulse({ whole: true, nodes: [life("n", 5, 25)], server }));
  const found = longest(newest().lives.get(KEY));
  assert.deepEqual([found?.sinceAt, found?.renewedAt, found?.lapsesAt], [900_000, 995_000, 1_025_000]);
});

test("a pulse adds to what is known; a whole one replaces it", () => {
  const { store, newest } = fresh();
  store.take(new Pulse({ whole: true, nodes: [life("n", 5, 25)], server }));
  const before = newest().lives;
  store.take(new Pulse({ whole: false, nodes: [life("m", 0, 30)], server }));
  assert.deepEqual([...(newest().lives.get(KEY)?.keys() ?? [])], ["n", "m"]);
  assert.equal(longest(newest().lives.get(KEY))?.nodeId, "m");
  assert.equal(before.get(KEY)?.size, 1, "what was shown is not changed");
  store.take(new Pulse({ whole: true, nodes: [], server }));
  assert.equal(newest().lives.size, 0);
});

test("a sender that was to lapse a while ago is forgotten", () => {
  const { store, clock, newest } = fresh();
  store.take(new Pulse({ whole: true, nodes: [life("n", 0, 30)], server }));
  clock.ms += 91_000;
  store.take(new Pulse({ whole: false, server }));
  assert.equal(newest().lives.size, 0);
});

test("who looks and what it may have are kept from the first pulse", () => {
  const { store, newest } = fresh();
  const viewer = new Viewer({ tenant: "acme", scopes: ["read"] });
  store.take(new Pulse({ whole: true, server, viewer, limits: new TenantLimits({ connections: 1, nodes: 2, logsPerSecond: 0 }) }));
  store.take(new Pulse({ whole: false, server }));
  assert.deepEqual([newest().viewer?.tenant, newest().limits?.nodes], ["acme", 2]);
});

test("changes are newest first and bounded, samples hold an hour, what is lost is summed", () => {
  const { store, clock, newest } = fresh();
  const change = (failures: number) =>
    new BreakerSeen({ client: "c", breaker: new BreakerStatus({ service: "cart", environment: new Environment(), address: "a", state: "OPEN", failures }) });
  const client = new ClientState({ node: "c", environment: new Environment(), dropped: 3 });
  for (let second = 0; second < 3700; second += 1) {
    clock.ms += 1000;
    store.take(new Pulse({ whole: false, server, clients: [client], changes: second < 300 ? [change(second), change(second + 1000)] : [] }));
  }
  assert.equal(newest().changes.length, 200);
  assert.deepEqual(newest().changes.slice(0, 2).map((one) => one.breaker.failures), [1299, 299]);
  assert.equal(store.samples.length, 3600);
  assert.equal(store.samples.at(-1)?.lost, 5);
});

test("samples begin with the minutes that the server kept; after a reconnect only those that were missed are added", () => {
  const { store, clock } = fresh();
  const minute = (time: number) => new ServerMinute({ time, connections: 4, nodes: 1, waiting: 0, bytes: 9, lost: 0 });
  store.take(new Pulse({ whole: true, server, minutes: [minute(880_000), minute(940_000)] }));
  assert.deepEqual(store.samples.map((one) => one.at), [880_000, 940_000, 1_000_000]);
  clock.ms = 1_100_000;
  store.take(new Pulse({ whole: true, server, minutes: [minute(940_000), minute(1_060_000)] }));
  assert.deepEqual(store.samples.map((one) => [one.at, one.connections]), [
    [880_000, 4], [940_000, 4], [1_000_000, 1], [1_060_000, 4], [1_100_000, 1],
  ]);
});

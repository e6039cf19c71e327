import assert from "node:assert/strict";
import { test } from "node:test";
import { BreakerSeen, BreakerStatus, CallRate, CallSeen, ClientState, Environment, LogRate, Rates, ServerState } from "protocol";
import { concerns, lastHour, minutes, SPAN_MINUTES, total, versionSums } from "~/logic/overview";
import type { Place } from "~/store/table";

const MINUTE = 60_000;
const production = new Environment({ name: "production" });

function place(service: string, version: string, address: string, more: Partial<Place> = {}): Place {
  return {
    key: `production\n${service}\n${address}`, environment: "production", service, version, address, nodeId: `id of ${address}`,
    properties: {}, fallback: undefined, suspect: false, cameAt: null, goneAt: null, ...more,
  };
}

function breaker(service: string, address: string, state: string, by: string) {
  return new BreakerSeen({
    client: `${by}-id`, services: [by],
    breaker: new BreakerStatus({ service, environment: production, version: "2.0", address, state, failures: 3, since: 5000 }),
  });
}

const server = (fields: object = {}) => new ServerState({ time: 0, uptime: 1, connections: 1, nodes: 1, ...fields });
const known = (fields: object) => ({ places: [], breakers: new Map(), clients: [], server: server(), environment: "", ...fields });

test("every minute of the last hour has a sum, those of which nothing was said too", () => {
  const now = 100 * MINUTE + 30_000;
  const { since, until } = lastHour(now);
  assert.equal((until - since) / MINUTE, SPAN_MINUTES);
  assert.equal(until, 101 * MINUTE, "this minute belongs to it");
  const call = (start: number, ok: number, failed: number) => new CallRate({ start, environment: "e", caller: "a", callee: "b", ok, failed });
  const log = (start: number, levels: Record<string, number>) => new LogRate({ start, environment: "e", service: "a", version: "1", levels });
  const found = minutes(
    new Rates({
      calls: [call(100 * MINUTE, 3, 1), call(100 * MINUTE, 2, 0), call(since - MINUTE, 9, 9), call(until, 9, 9)],
      logs: [log(99 * MINUTE, { INFO: 5, ERROR: 2, CRITICAL: 1 })],
    }),
    since,
  );
  assert.deepEqual([found.times.length, found.calls.length], [SPAN_MINUTES, SPAN_MINUTES]);
  assert.deepEqual([found.calls.at(-1), found.failed.at(-1), total(found.calls)], [6, 1, 6]);
  assert.deepEqual([found.logs.at(-2), found.errors.at(-2)], [8, 3]);
});

test("the version that fails most comes first, whatever it logs", () => {
  const at = new Map([place("cart", "1.9", "a"), place("cart", "1.10", "b")].map((one) => [one.nodeId, one]));
  const called = (node: string, worked: number) =>
    new CallSeen({ uuid: "u", traceId: "t", start: 0, end: 1, results: { [node]: worked }, environment: "production" });
  const rates = new Rates({ calls: [], logs: [new LogRate({ start: 0, environment: "production", service: "mail", version: "1", levels: { ERROR: 9, WARN: 2 } })] });
  const sums = versionSums(rates, [called("id of a", 1), called("id of b", 0), called("id of b", 1), called("nobody", 0)], at, "");
  assert.deepEqual(sums.map((one) => [one.service, one.version, one.ok, one.failed, one.errors, one.warnings]), [
    ["cart", "1.10", 1, 1, 0, 0],
    ["mail", "1", 0, 0, 9, 2],
    ["cart", "1.9", 1, 0, 0, 0],
  ]);
  assert.deepEqual(versionSums(new Rates({ calls: [], logs: [] }), [called("id of a", 1)], at, "staging"), []);
});

test("nothing needs attention while all is well", () => {
  assert.deepEqual(concerns(known({ places: [place("cart", "1", "a")] })), []);
});

test("a breaker is one concern, however many callers it is open for; that of a node that is gone is none", () => {
  const cart = place("cart", "2.0", "a");
  const breakers = new Map([[cart.key, [breaker("cart", "a", "OPEN", "orders"), breaker("cart", "a", "HALF_OPEN", "gateway")]]]);
  const [found, ...others] = concerns(known({ places: [cart, place("cart", "1", "b")], breakers }));
  assert.deepEqual(others, []);
  assert.deepEqual([found?.what, found?.text, found?.since], ["breaker open", "2.0 at a is cut off by gateway, orders", 5000]);
  assert.deepEqual(concerns(known({ places: [{ ...cart, goneAt: 1 }, place("cart", "1", "b")], breakers })), []);
});

test("what is bad comes before what is only odd", () => {
  const found = concerns(
    known({
      places: [place("cart", "1", "a", { suspect: true }), place("mail", "1", "b", { goneAt: 7 })],
      server: server({ failing: true, protected: "most nodes lapsed at once" }),
      clients: [new ClientState({ node: "n", environment: production, dropped: 12 })],
    }),
  );
  assert.deepEqual(found.map((one) => [one.tone, one.what]), [
    ["bad", "storage fails"], ["bad", "no node left"], ["warn", "no node expires"], ["warn", "logs were lost"], ["warn", "out of touch"],
  ]);
});

test("another environment's concerns are not shown", () => {
  const places = [place("cart", "1", "a", { suspect: true })];
  assert.deepEqual(concerns(known({ places, environment: "staging" })), []);
});

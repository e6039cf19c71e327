import assert from "node:assert/strict";
import { test } from "node:test";
import { CallRate, CallSeen, LogRate } from "protocol";
import { merged, RECENT_CALLS, RECENT_MS } from "~/logic/recent";
import { MINUTE_MS, SumsStore } from "~/logic/sums";

const NOW = 1000 * MINUTE_MS;
const call = (ok: number, failed: number, start = NOW, callee = "b") => new CallRate({ start, environment: "e", caller: "a", callee, ok, failed });
const log = (levels: Record<string, number>, start = NOW) => new LogRate({ start, environment: "e", service: "a", version: "1", levels });
const seen = (uuid: string, end: number) => new CallSeen({ uuid, traceId: "t", start: end - 1, end, environment: "e", results: { n: 1 } });

test("of two sums of a minute the larger holds, whichever way and whenever it came", () => {
  const store = new SumsStore();
  store.take({ calls: [call(5, 1)], logs: [log({ INFO: 3 })] }, NOW);
  store.take({ calls: [call(2, 1), call(1, 0, NOW, "c")], logs: [log({ INFO: 2 })] }, NOW);
  assert.deepEqual(store.sums.calls.map((one) => [one.callee, one.ok, one.failed]), [["b", 5, 1], ["c", 1, 0]]);
  store.take({ calls: [call(6, 1)], logs: [log({ INFO: 3, ERROR: 1 })] }, NOW);
  assert.deepEqual(store.sums.calls.map((one) => one.ok), [6, 1]);
  assert.deepEqual(store.sums.logs.map((one) => one.levels), [{ INFO: 3, ERROR: 1 }]);
});

test("it says when more fails than before, by calls or by what is logged", () => {
  const store = new SumsStore();
  assert.equal(store.take({ calls: [call(5, 0)], logs: [log({ INFO: 3 })] }, NOW), false);
  assert.equal(store.take({ calls: [call(5, 1)], logs: [] }, NOW), true);
  assert.equal(store.take({ calls: [call(5, 1), call(9, 1)], logs: [log({ INFO: 9 })] }, NOW), false);
  assert.equal(store.take({ calls: [], logs: [log({ INFO: 9, CRITICAL: 1 })] }, NOW), true);
});

test("minutes long ago go, and all of them with another server", () => {
  const store = new SumsStore();
  store.take({ calls: [call(1, 0)], logs: [log({ INFO: 1 })] }, NOW);
  store.take({ calls: [call(1, 0, NOW + 91 * MINUTE_MS)], logs: [] }, NOW + 91 * MINUTE_MS);
  assert.deepEqual([store.sums.calls.length, store.sums.logs.length], [1, 0]);
  store.clear();
  assert.deepEqual(store.sums, { calls: [], logs: [] });
});

test("the newest calls, each once, none of long ago, no more than can be looked at", () => {
  const first = merged([], [seen("a", NOW - 5), seen("b", NOW - 3)], NOW);
  const second = merged(first, [seen("c", NOW - 4), seen("a", NOW - 5)], NOW);
  assert.deepEqual(second.map((one) => one.uuid), ["b", "c", "a"]);
  assert.deepEqual(merged(second, [seen("d", NOW + RECENT_MS)], NOW + RECENT_MS - 4).map((one) => one.uuid), ["d", "b", "c"]);
  const many = Array.from({ length: RECENT_CALLS + 5 }, (_, index) => seen(String(index), NOW + index));
  assert.equal(merged([], many, NOW).length, RECENT_CALLS);
});

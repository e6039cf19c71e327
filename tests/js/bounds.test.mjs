// The engine's bounds, which no vector reaches: `node --test bounds.test.mjs`, with the folder of the engine in ENGINE
// and that of the generated jobs protocol in JOBS.

import assert from "node:assert/strict";
import { test } from "node:test";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const from = (folder, name) => import(pathToFileURL(resolve(folder, name)).href);
const { Outbox } = await from(process.env.ENGINE, "outbox.js");
const { Schedule } = await from(process.env.ENGINE, "schedule.js");
const { SharedLeases } = await from(process.env.ENGINE, "leases.js");
const { connect, keep } = await from(process.env.ENGINE, "link.js");
const { Machines, Output, UNREAD_BYTES_MAX } = await from(process.env.ENGINE, "machines.js");

const outbox = (overflow, countMax = 3, sizeBytesMax = 10) =>
  new Outbox({ name: "d", first: 1, countMax, sizeBytesMax, overflow, resend: true, ackMode: "each" });

test("an outbox drops the oldest until a message has room in bytes, and says which", () => {
  const one = outbox("drop_oldest");
  const dropped = [];
  one.onDrop = (frame) => dropped.push(frame);
  for (const frame of ["aaaa", "bbbb", "é€é"]) one.put(frame); // 4, 4 and 7 bytes: characters do not count
  assert.deepEqual([one.numbers(), one.sizeBytes, one.dropped], [[3], 7, 2]);
  assert.deepEqual(dropped, ["aaaa", "bbbb"]);
  assert.equal(one.nextNumber - 1, one.acknowledged + one.dropped + one.count);
});

test("an outbox drops by count, too", () => {
  const one = outbox("drop_oldest");
  for (const frame of ["a", "b", "c", "d"]) one.put(frame);
  assert.deepEqual([one.numbers(), one.count, one.sizeBytes], [[2, 3, 4], 3, 3]);
});

test("an outbox that drops the newest uses up its number, and says which", () => {
  const one = outbox("drop_newest");
  const dropped = [];
  one.onDrop = (frame) => dropped.push(frame);
  for (const frame of ["aaaaa", "bbbbb", "c"]) one.put(frame);
  assert.deepEqual([one.numbers(), one.dropped, one.nextNumber, dropped], [[1, 2], 1, 4, ["c"]]);
});

test("numbers that wait to be written do not pile up while nobody is connected", () => {
  const one = outbox("drop_oldest");
  for (let n = 0; n < 10_000; n += 1) one.put("a");
  assert.equal(one._fresh.size, 3);
  assert.equal(one.nextWaiting(), "a");
});

test("what was written is kept until it is acknowledged, while there is something else to drop", () => {
  const one = outbox("drop_oldest");
  for (const frame of ["a", "b"]) one.put(frame);
  assert.deepEqual(one.nextBatch(1, 10), ["a"]);
  one.connected();
  for (const frame of ["c", "d", "e"]) one.put(frame);
  assert.deepEqual([one.numbers(), one.droppedRanges.spans()], [[1, 4, 5], [[2, 3]]]);
  assert.deepEqual([one.nextWaiting(), one.nextWaiting(), one.nextWaiting(), one.nextWaiting()], ["a", "d", "e", null]);
  one.put("f");
  assert.deepEqual([one.numbers(), one.acknowledge(1, true), one.dropped], [[4, 5, 6], 0, 2]);
});

test("dead entries of the heap are swept before they outweigh the rest", () => {
  const schedule = new Schedule();
  for (let n = 0; n < 10_000; n += 1) schedule.set("kept", 10_000 - n); // earlier each time: a new entry
  assert.ok(schedule._heap.length <= 1 + 64 + 1, `${schedule._heap.length}`);
  for (let n = 0; n < 1000; n += 1) schedule.set(`gone ${n}`, n + 20_000);
  for (let n = 0; n < 1000; n += 1) schedule.remove(`gone ${n}`);
  assert.equal(schedule.size, 1);
  assert.ok(schedule._heap.length <= 1 + 64 + 1, `${schedule._heap.length}`);
  assert.deepEqual(schedule.popDue(1), { key: "kept", at: 1 });
});

test("a peer that reads nothing is cut at 16 MiB, and what it did not read is let go", () => {
  const failed = [];
  const counters = { overruns: 0 };
  const machines = Object.assign(Object.create(Machines.prototype), {
    output: new Output(),
    _counters: counters,
    fail: (...reason) => failed.push(reason),
  });
  const frame = "x".repeat(1024 * 1024);
  for (let n = 0; n < 16; n += 1) machines.write(frame);
  assert.deepEqual([failed, machines.output.sizeBytes], [[], UNREAD_BYTES_MAX]);
  machines.write("y");
  assert.deepEqual(failed, [["slow_consumer", `more than ${UNREAD_BYTES_MAX} bytes were not read`]]);
  assert.deepEqual([counters.overruns, machines.output.sizeBytes, machines.output.frames], [1, 0, []]);
});

const work = (handler) => {
  const { JOBS_QUEUE } = tables;
  return new SharedLeases(JOBS_QUEUE, handler);
};
const tables = await from(process.env.JOBS, "tables.js");

test("keep() runs lapses when they are due, goes on after an error, and ends", async () => {
  const told = [];
  const errors = [];
  let all;
  const done = new Promise((settle) => (all = settle));
  const shared = work({
    overdue: (key) => {
      told.push(key);
      if (told.length === 2) all();
      throw new Error(key);
    },
  });
  const end = keep(shared, { onError: (error) => errors.push(error.message) });
  shared.grant("Working.work", "second", shared.clock() + 0.06);
  shared.grant("Working.work", "first", shared.clock() + 0.02); // earlier: wakes the shell
  await done;
  await new Promise((settle) => setTimeout(settle, 0));
  assert.deepEqual([told, errors, shared.size], [["first", "second"], ["first", "second"], 0]);
  end();
  assert.equal(shared.wake, null);
});

test("connect() waits as long as it is told, also longer than a timer of JavaScript can", async (context) => {
  const waits = [];
  let now = 0;
  let tries = 0;
  const endpoint = { connectAt: null, deadline: null, clock: () => now, start: () => (endpoint.connectAt = 60 * 86400) };
  context.mock.method(globalThis, "setTimeout", (act, waitMs) => {
    waits.push(waitMs);
    now += waitMs / 1000;
    queueMicrotask(act);
  });
  class Nowhere {
    constructor() {
      tries += 1;
      endpoint.connectAt = null;
      throw new Error("tried");
    }
  }
  const connecting = connect(endpoint, "ws://nowhere", { WebSocket: Nowhere });
  endpoint.wake();
  await assert.rejects(connecting, /tried/);
  assert.ok(waits.every((waitMs) => waitMs < 2 ** 31), `${waits}`);
  assert.deepEqual([tries, Math.floor(now)], [1, 60 * 86400]); // each wait in whole milliseconds, upwards
});

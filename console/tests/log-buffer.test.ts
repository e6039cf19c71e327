import assert from "node:assert/strict";
import { test } from "node:test";
import { LogBuffer, type LogEntry, PENDING_MAX, ROWS_MAX } from "~/logic/log-buffer";
import { NewTraces } from "~/logic/new-traces";

const entry = (number: number): LogEntry => ({
  key: `n ${number}`, traceId: "t", clock: [number], timestamp: number, node: "n", service: "s", version: "", level: "INFO", category: "", text: `${number}`, environment: "e", properties: {},
});
const span = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => entry(from + index));
const numbers = (buffer: LogBuffer) => buffer.rows.map((row) => row.timestamp);

test("nothing is twice and nothing is missing where history and the tail meet", () => {
  const buffer = new LogBuffer();
  buffer.live(span(8, 11), 0);
  buffer.first(span(5, 10).reverse());
  buffer.live(span(9, 13).filter((one) => one.timestamp !== 10), 0);
  assert.deepEqual(numbers(buffer), [5, 6, 7, 8, 9, 10, 11, 12]);
});

test("older pages come before, and say by how much what is seen moves", () => {
  const buffer = new LogBuffer();
  buffer.first(span(5, 8).reverse());
  buffer.older(span(2, 5).reverse());
  assert.deepEqual(numbers(buffer), [2, 3, 4, 5, 6, 7]);
  assert.equal(buffer.shift, 3);
});

test("a pause keeps the rows as they are; what came meanwhile follows, what was too much is counted", () => {
  const buffer = new LogBuffer();
  buffer.first(span(0, 2).reverse());
  buffer.pause();
  buffer.live(span(2, 5), 7);
  assert.deepEqual(numbers(buffer), [0, 1]);
  assert.equal(buffer.pending.length, 3);
  buffer.live(span(5, 5 + PENDING_MAX), 0);
  assert.equal(buffer.pending.length, PENDING_MAX);
  assert.equal(buffer.skipped, 7 + 3);
  buffer.resume();
  assert.equal(buffer.rows.length, 2 + PENDING_MAX);
  assert.equal(buffer.pending.length, 0);
});

test("it is bounded: the oldest live rows go, and history does not go on from there", () => {
  const buffer = new LogBuffer();
  buffer.first([]);
  for (let at = 0; at < ROWS_MAX + 6000; at += 1000) buffer.live(span(at, at + 1000), 0);
  assert.ok(buffer.rows.length <= ROWS_MAX + 5000);
  assert.equal(buffer.rows.at(-1)?.timestamp, ROWS_MAX + 5999);
  assert.equal(buffer.shift, -(ROWS_MAX + 6000 - buffer.rows.length));
  assert.ok(buffer.isCut);
  const before = buffer.rows.length;
  buffer.older([entry(-1)]);
  assert.equal(buffer.rows.length, before);
});

test("new traces are those that the list has not, and more than those if some were skipped", () => {
  const fresh = new NewTraces();
  assert.equal(fresh.said(new Set()), "");
  fresh.take(["a", "b", "a", "c"], 0);
  assert.equal(fresh.said(new Set(["a"])), "2 new");
  fresh.take([], 5);
  assert.equal(fresh.said(new Set(["a"])), "2+ new");
  assert.equal(fresh.said(new Set(["a", "b", "c"])), "");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, counted, duration, short, span, success } from "~/logic/format";

test("a success rate is 100 % only if nothing failed, and 0 % only if nothing worked", () => {
  assert.equal(success(0, 0), "");
  assert.equal(success(10, 0), "100 %");
  assert.equal(success(999_999, 1), "99.9 %");
  assert.equal(success(99, 1), "99.0 %");
  assert.equal(success(71, 29), "71 %");
  assert.equal(success(1, 19), "5.0 %");
  assert.equal(success(1, 99_999), "<0.1 %");
  assert.equal(success(0, 3), "0.0 %");
});

test("spans have two units at most, and none that is zero", () => {
  assert.deepEqual([0, 59, 60, 61, 3600, 3661, 86_400, 90_061, -5].map(span), [
    "0 s", "59 s", "1 min", "1 min 1 s", "1 h", "1 h 1 min", "1 d", "1 d 1 h", "0 s",
  ]);
});

test("durations keep what matters at their size", () => {
  assert.deepEqual([0, 0.25, 9, 12.6, 999, 1530, 124_000].map(duration), [
    "0 ms", "0.3 ms", "9 ms", "13 ms", "999 ms", "1.53 s", "2 min 4 s",
  ]);
});

test("sizes and counts", () => {
  assert.deepEqual([0, 1023, 1024, 1_048_576, 5_368_709_120].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "5.0 GiB"]);
  assert.deepEqual([7, 950, 1234, 34_000, 5_600_000].map(short), ["7", "950", "1.2k", "34k", "5.6M"]);
  assert.equal(count(1234567), "1,234,567");
  assert.equal(counted(1, "node"), "1 node");
  assert.equal(counted(0, "node"), "0 nodes");
});

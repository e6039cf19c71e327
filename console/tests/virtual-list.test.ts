import assert from "node:assert/strict";
import { test } from "node:test";
import { handedOn } from "~/parts/virtual-list";

test("rows that stay keep their element, others take over what is free, in order; more are made and fewer kept", () => {
  const first = handedOn(new Map(), ["a", "b", "c"]);
  assert.deepEqual([...first], [["a", 0], ["b", 1], ["c", 2]]);
  const second = handedOn(first, ["b", "c", "d"]);
  assert.deepEqual([...second], [["b", 1], ["c", 2], ["d", 0]]);
  const passed = handedOn(second, ["x", "y", "z", "w"]);
  assert.deepEqual([...passed], [["x", 1], ["y", 2], ["z", 0], ["w", 3]]);
  assert.deepEqual([...handedOn(passed, ["z"])], [["z", 0]]);
  assert.equal(new Set(handedOn(handedOn(passed, ["z"]), ["p", "z", "q"]).values()).size, 3);
});

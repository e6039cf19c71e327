import assert from "node:assert/strict";
import { test } from "node:test";
import { type Filters, isAny, logFilter, read, selection, time, wordsFit, written } from "~/logic/filters";

const from = (query: string) => read(new URLSearchParams(query));

test("what is written into the address is read from it", () => {
  const filters: Filters = { service: "cart", level: "WARN", text: 'a "b c"', trace: "t1", node: "n1", category: "http", failed: true, since: "15m", until: "" };
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(written(filters))) if (value !== null) params.set(name, value);
  assert.deepEqual(read(params), filters);
  assert.equal(isAny(from("")), false);
  assert.equal(isAny(filters), true);
});

test("what an address says wrongly counts as not said", () => {
  assert.equal(isAny(from("level=LOUD&since=yesterday&until=15m&failed=yes")), false);
  assert.equal(from("level=error").level, "ERROR");
});

test("times are spans before now, or moments", () => {
  assert.equal(time("15m", 1_000_000), 100_000);
  assert.equal(time("1795617908583", 0), 1_795_617_908_583);
  assert.equal(time("", 0), undefined);
});

test("questions have only what is filtered by", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(selection(from(""), "", 0))), {});
  const wanted = selection(from("service=cart&failed=1&since=15m"), "production", 1_000_000);
  assert.deepEqual(JSON.parse(JSON.stringify(wanted)), { service: "cart", failed: true, since: 100_000, environment: "production" });
});

test("the tail looks for the longest word, and for errors where failed traces are wanted", () => {
  assert.equal(logFilter(from("text=no%20handshake"), "").text, "handshake");
  assert.equal(logFilter(from("failed=1"), "").level, "ERROR");
  assert.equal(logFilter(from("failed=1&level=CRITICAL"), "").level, "CRITICAL");
  assert.equal(logFilter(from("failed=1&level=INFO"), "").level, "ERROR");
});

test("words fit as storage finds them: all of them, whole, whatever the case; in quotes side by side; begun with a star", () => {
  const text = "TLS handshake with acquirer failed: certificate has expired";
  for (const search of ["", "tls", "expired TLS", '"handshake with"', "certif*", '"failed: certificate"', "acquirer-failed"]) assert.ok(wordsFit(search)(text), search);
  for (const search of ["hand", "tls missing", '"with handshake"', "ertificate*"]) assert.ok(!wordsFit(search)(text), search);
  assert.ok(wordsFit("creme")("Crème brûlée"));
});

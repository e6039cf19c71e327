import assert from "node:assert/strict";
import { test } from "node:test";
import { Environment, StoredInteraction, StoredLog, TraceItem } from "protocol";
import { compare } from "~/logic/compare";
import { cause, compareClocks, matches, narrowed, TraceModel } from "~/logic/trace";
import { bar, ticks } from "~/logic/waterfall";

const environment = new Environment({ name: "production" });
let made = 0;

function log(clock: number[], service: string, text: string, level = "INFO", category = "app", timestamp = 1000): TraceItem {
  made += 1;
  return new TraceItem({ log: new StoredLog({ position: `1.${made}`, traceId: "t", clock, timestamp, node: `n-${service}`, service, level, category, text, environment }) });
}

function call(startClock: number[], endClock: number[], service: string, callee: string, failed = false): TraceItem {
  made += 1;
  const interaction = new StoredInteraction({
    position: `1.${made}`, uuid: `u${made}`, traceId: "t", start: 1000, end: 1040, node: `n-${service}`, service,
    results: { [`n-${callee}`]: failed ? 0 : 1 }, callees: { [`n-${callee}`]: callee }, failed, startClock, endClock, environment,
  });
  return new TraceItem({ interaction });
}

const starting = (clock: number[], service: string) => log(clock, service, "Starting interaction.", "INFO", "MDK");
const finished = (clock: number[], service: string) => log(clock, service, "Finished interaction.", "INFO", "MDK");

/** A checkout: gateway calls orders, whose cart fails. */
function checkout(): TraceItem[] {
  return [
    log([1], "gateway", "POST /checkout"),
    starting([2], "gateway"),
    call([2], [4], "gateway", "orders"),
    log([3, 1], "orders", "Order 17 received"),
    starting([3, 2], "orders"),
    call([3, 2], [3, 5], "orders", "cart", true),
    log([3, 3, 1], "cart", "KeyError: 'discount'", "ERROR"),
    log([3, 4], "orders", "cart failed", "ERROR"),
    finished([3, 5], "orders"),
    finished([4], "gateway"),
    log([5], "gateway", "502"),
  ];
}

function model(items: readonly TraceItem[], pages = 1): TraceModel {
  const made = new TraceModel();
  const size = Math.ceil(items.length / pages);
  for (let at = 0; at < items.length; at += size) made.append(items.slice(at, at + size));
  return made;
}

const shown = (of: TraceModel) => of.rows.map((row) => `${"  ".repeat(row.depth)}${row.enters ? "> " : ""}${row.item.service} ${row.kind} [${row.inside.length}-${row.ends}]`);

test("causal order is level by level, what caused something before it", () => {
  const clocks = [[4], [3, 1], [3], [10], [3, 1, 5], [3, 2]];
  assert.deepEqual(clocks.sort(compareClocks), [[3], [3, 1], [3, 1, 5], [3, 2], [4], [10]]);
});

test("interactions are brackets around what they caused; their own two logs are the bracket", () => {
  assert.deepEqual(shown(model(checkout())), [
    "gateway log [0-0]",
    "gateway call [0-0]",
    "  > orders log [1-0]",
    "  orders call [1-0]",
    "    > cart log [2-0]",
    "  orders log [2-2]",
    "gateway log [0-0]",
  ]);
});

test("a trace is the same in however many pages it comes", () => {
  const whole = shown(model(checkout()));
  for (let pages = 2; pages <= 11; pages += 1) assert.deepEqual(shown(model(checkout(), pages)), whole, `${pages} pages`);
});

test("an interaction that is not over has its first log, and no bracket", () => {
  assert.deepEqual(shown(model([log([1], "a", "x"), starting([2], "a"), log([3, 1], "b", "y")])), ["a log [0-0]", "a log [0-0]", "  > b log [0-0]"]);
});

test("what called a process is its parent, and unknown if nothing of the caller is here", () => {
  const { rows } = model(checkout());
  assert.equal(rows[2]?.parent, rows[1]);
  assert.equal(rows[4]?.parent, rows[3]);
  assert.equal(model([log([3, 1], "b", "y")]).rows[0]?.parent, undefined);
});

test("steps that the clock counted and nobody sent are missing; the tick of a call and an interaction's end are not", () => {
  assert.equal(model(checkout()).missing, 0);
  const gaps = model([log([2], "a", "x"), log([5], "a", "y"), log([6, 3], "b", "z")]);
  assert.deepEqual(gaps.rows.map((row) => row.missing), [1, 2, 2]);
  assert.equal(gaps.missing, 5);
  const silent = model([log([1], "a", "x"), call([2], [4], "a", "b"), log([3, 1], "b", "y"), log([5], "a", "z")]);
  assert.equal(silent.missing, 0, "the end of the interaction was not logged, but it is known");
});

test("it opens at the first error of a log, else at what failed, else nowhere", () => {
  const whole = model(checkout());
  assert.equal(whole.rows[whole.firstError]?.item.service, "cart");
  assert.equal(model([log([1], "a", "x"), call([2], [4], "a", "b", true)]).firstError, 1);
  assert.equal(model([log([1], "a", "x")]).firstError, -1);
});

test("from an interaction that failed the way leads to the error that it met, not to one behind it", () => {
  const { rows } = model(checkout());
  assert.equal(cause(rows, 3), 4);
  const later = model([call([1], [3], "a", "b", true), log([2, 1], "b", "fine"), log([4], "a", "else", "ERROR")]);
  assert.equal(cause(later.rows, 0), -1);
});

test("filters leave what failed; no filter leaves all", () => {
  const { rows } = model(checkout());
  assert.deepEqual(narrowed(rows, "", (level) => level === "ERROR"), [3, 4, 5]);
  assert.deepEqual(narrowed(rows, "cart", () => true), [4]);
  assert.equal(narrowed(rows, "", () => true), null);
  assert.deepEqual(matches(rows, "DISCOUNT"), [4]);
  assert.deepEqual(matches(rows, " "), []);
});

test("50,000 rows cost less than a second of the processor", () => {
  const items = Array.from({ length: 50_000 }, (_, index) => log([index + 1], "a", `row ${index}`));
  const before = process.cpuUsage();
  assert.equal(model(items, 50).rows.length, 50_000);
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 1_000_000, `${(user + system) / 1000} ms`);
});

test("rows of two traces that do the same stand beside each other, whatever their numbers", () => {
  const good = model(checkout().filter((item) => item.log?.level !== "ERROR").map((item) => item.log?.text.startsWith("Order") === true ? log([3, 1], "orders", "Order 99 received") : item));
  const pairs = compare(model(checkout()).rows, good.rows);
  assert.deepEqual(pairs.map((pair) => [pair.left?.item.service, pair.right?.item.service]), [
    ["gateway", "gateway"], ["gateway", "gateway"], ["orders", "orders"], ["orders", "orders"], ["cart", undefined], ["orders", undefined], ["gateway", "gateway"],
  ]);
  assert.deepEqual(compare([], []), []);
});

test("bars stay on the line of time, and its marks are round", () => {
  assert.deepEqual(bar(1000, 1040, 1000, 40), { left: 0, width: 100 });
  assert.deepEqual(bar(900, 1010, 1000, 40), { left: 0, width: 25 });
  assert.deepEqual(bar(2000, 2000, 1000, 40), { left: 100, width: 0 });
  assert.deepEqual(ticks(32), [0, 20]);
  assert.deepEqual(ticks(30), [0, 10, 20, 30]);
  assert.deepEqual(ticks(1), [0, 0.5, 1]);
  for (const span of [1, 7, 99, 1234, 86_400_000]) assert.ok(ticks(span).length <= 4);
});

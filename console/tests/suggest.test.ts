import assert from "node:assert/strict";
import { test } from "node:test";
import { suggest } from "~/logic/suggest";

const ID = "3a88c97a-3081-451f-8caa-6d135c75425b";

test("a trace id leads to its trace, with hyphens or without, in any case", () => {
  assert.equal(suggest(` ${ID} `, [])[0]?.path, `/t/${ID}`);
  assert.equal(suggest(ID.replaceAll("-", "").toUpperCase(), [])[0]?.path, `/t/${ID}`);
});

test("services that begin with the text come first; then logs and traces with it", () => {
  const found = suggest("cart", ["old-cart", "cart-2", "cart", "mail"]);
  assert.deepEqual(found.map((one) => `${one.kind} ${one.text}`), ["service cart", "service cart-2", "service old-cart", "logs cart", "traces cart"]);
});

test("nothing means nothing", () => {
  assert.deepEqual(suggest("  ", ["cart"]), []);
});

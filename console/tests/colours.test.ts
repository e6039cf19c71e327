import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HUES, keepColours, REMEMBERED_MAX, ServiceColours, serviceClass } from "~/logic/colours";

type Colour = readonly [number, number, number];
type Matrix = readonly [Colour, Colour, Colour];

/** Without the red, the green or the blue cones: Machado, Oliveira and Fernandes 2009, whole severity, linear RGB. */
const VISIONS: Readonly<Record<string, Matrix>> = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

const dot = (a: Colour, b: Colour) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const by = (m: Matrix, c: Colour): Colour => [dot(m[0], c), dot(m[1], c), dot(m[2], c)];
const clipped = ([r, g, b]: Colour): Colour => [r, g, b].map((one) => Math.min(1, Math.max(0, one))) as unknown as Colour;

function linear(hex: string): Colour {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as unknown as Colour;
}

/** Björn Ottosson's OKLab, in which equal distances look alike. */
function oklab(rgb: Colour): Colour {
  const lms = by([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]], rgb).map(Math.cbrt) as unknown as Colour;
  return by([[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]], lms);
}

const tokens = readFileSync(new URL("../../src/styles/tokens.css", import.meta.url), "utf8");
const pairOf = (name: string) => new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(tokens)?.slice(1) ?? [];
const luminance = (rgb: Colour) => dot([0.2126, 0.7152, 0.0722], rgb);

for (const [mode, name] of ["light", "dark"].entries()) {
  const hues = Array.from({ length: HUES }, (_, hue) => pairOf(`hue-${hue}`)[mode] ?? "");

  test(`hues can be told apart with any colour vision: ${name}`, () => {
    for (const [vision, matrix] of Object.entries(VISIONS)) {
      const seen = hues.map((hue) => oklab(clipped(by(matrix, linear(hue)))));
      for (const [index, a] of seen.entries()) {
        for (const [more, b] of seen.slice(index + 1).entries()) {
          const apart = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
          assert.ok(apart >= 0.07, `${vision}: hue ${index} and ${index + more + 1} are ${apart.toFixed(3)} apart`);
        }
      }
    }
  });

  test(`a service's name can be read on every ground: ${name}`, () => {
    for (const ground of ["bg", "surface", "hover", "bad-soft"]) {
      for (const hue of hues) {
        const [low = 0, high = 0] = [luminance(linear(hue)), luminance(linear(pairOf(ground)[mode] ?? ""))].sort((a, b) => a - b);
        assert.ok((high + 0.05) / (low + 0.05) >= 4.5, `${hue} on ${ground}`);
      }
    }
  });
}

test("services have hues of their own, then forms; a new one changes no other", () => {
  const colours = new ServiceColours();
  const names = Array.from({ length: 21 }, (_, index) => `service ${index}`);
  const first = names.slice(0, HUES).map((name) => colours.classOf(name));
  assert.equal(new Set(first.map((one) => one.split(" ")[0])).size, HUES);
  assert.ok(first.every((one) => one.endsWith("form-0")));
  const all = names.map((name) => colours.classOf(name));
  assert.equal(new Set(all).size, 21);
  assert.deepEqual(all.slice(0, HUES), first);
  assert.match(colours.classOf("one too many"), /^hue-\d form-0$/);
  assert.equal(colours.classOf(""), "hue-none");
});

test("a name alone has the same colour in every browser", () => {
  assert.equal(new ServiceColours().classOf("payments"), new ServiceColours().classOf("payments"));
});

test("colours are remembered, bounded, whatever is found where they were", () => {
  const kept = new Map<string, string>([["k", "no JSON"]]);
  const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
  keepColours(storage, "k");
  const before = ["a", "b", "c"].map(serviceClass);
  keepColours(storage, "k");
  assert.deepEqual(["c", "b", "a"].map(serviceClass).reverse(), before);
  kept.set("k", JSON.stringify({ a: -1, b: "x", c: 99, d: 3 }));
  keepColours(storage, "k");
  assert.equal(serviceClass("d"), "hue-3 form-0");
  for (let index = 0; index < REMEMBERED_MAX + 5; index += 1) serviceClass(`s${index}`);
  assert.equal(Object.keys(JSON.parse(kept.get("k") ?? "{}")).length, REMEMBERED_MAX);
});

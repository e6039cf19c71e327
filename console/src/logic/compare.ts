/** Two traces side by side: which row of one is which row of the other. */

import { text, type TraceRow } from "./trace";

export interface Pair {
  readonly left: TraceRow | undefined;
  readonly right: TraceRow | undefined;
}

/** Of each trace so many rows are compared: the table of their pairs has a cell for each two. */
export const COMPARED_MAX = 1500;

/** What two rows that do the same have in common: who, where, and the text without its numbers and ids. */
export function shape(row: TraceRow): string {
  const words = text(row).replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\d+(?:\.\d+)*/gi, "#");
  return [row.depth, row.item.service, row.kind === "log" ? row.item.level : "", words].join("\n");
}

/** Rows of the same shape beside each other, as many as can be without changing their order. */
export function compare(left: readonly TraceRow[], right: readonly TraceRow[]): readonly Pair[] {
  const [a, b] = [left.slice(0, COMPARED_MAX), right.slice(0, COMPARED_MAX)];
  const [shapesA, shapesB] = [a.map(shape), b.map(shape)];
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const down = longest[(i + 1) * width + j] ?? 0;
      const aside = longest[i * width + j + 1] ?? 0;
      longest[i * width + j] = shapesA[i] === shapesB[j] ? (longest[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(down, aside);
    }
  }
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const isPair = i < a.length && j < b.length && shapesA[i] === shapesB[j];
    if (isPair) pairs.push({ left: a[i++], right: b[j++] });
    else if (j >= b.length || (i < a.length && (longest[(i + 1) * width + j] ?? 0) >= (longest[i * width + j + 1] ?? 0))) pairs.push({ left: a[i++], right: undefined });
    else pairs.push({ left: undefined, right: b[j++] });
  }
  return pairs;
}

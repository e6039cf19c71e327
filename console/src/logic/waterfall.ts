/** Where things stand on a line of time, in percent of its width. */

export interface Bar {
  readonly left: number;
  readonly width: number;
}

/** A span on the line; never outside of it. */
export function bar(from: number, to: number, start: number, spanMs: number): Bar {
  const left = Math.min(100, Math.max(0, (100 * (from - start)) / spanMs));
  const right = Math.min(100, Math.max(left, (100 * (to - start)) / spanMs));
  return { left, width: right - left };
}

/** Round times along the line, from 0, in milliseconds: at most `most` besides the 0. */
export function ticks(spanMs: number, most = 3): readonly number[] {
  const rough = spanMs / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((by) => by * power).find((one) => one >= rough) ?? rough;
  const found: number[] = [];
  for (let index = 0; index * step <= spanMs; index += 1) found.push(index * step);
  return found;
}

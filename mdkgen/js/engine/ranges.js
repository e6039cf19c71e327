/** Sets of numbers in bounded space. */

/** Ranges kept apart. One more, and the two lowest become one that covers the gap between them. */
export const RANGES_MAX = 1000;

/** Numbers, as ranges. `count` is exact; the ranges cover every number, and gaps too once there are too many. */
export class NumberRanges {
  /** @param {number} [limit] */
  constructor(limit = RANGES_MAX) {
    this._limit = limit;
    /** @type {[first: number, last: number][]} ascending */
    this._spans = [];
    /** Up to here gaps are covered: whether a single number was added is not known any more. */
    this._blurred = -Infinity;
    this.count = 0;
  }

  /** First and last number of each range, ascending. */
  spans() {
    return this._spans.map(([first, last]) => /** @type {const} */ ([first, last]));
  }

  /** The lowest number; undefined if there are none. */
  get first() {
    return this._spans[0]?.[0];
  }

  /** @param {number} number */
  has(number) {
    const span = this._spans[this._place(number) - 1];
    return span !== undefined && number <= span[1];
  }

  /**
   * Add a number that is not in any range.
   *
   * @param {number} number
   */
  add(number) {
    this.count += 1;
    const place = this._place(number);
    const before = this._spans[place - 1];
    const after = this._spans[place];
    const joinsBefore = before !== undefined && before[1] >= number - 1;
    const joinsAfter = after !== undefined && after[0] === number + 1;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      this._spans.splice(place, 1);
    } else if (joinsBefore) {
      before[1] = Math.max(before[1], number);
    } else if (joinsAfter) {
      after[0] = number;
    } else {
      this._spans.splice(place, 0, [number, number]);
      this._blur();
    }
  }

  /**
   * Take a number out; false if it is not in, or is where gaps are covered.
   *
   * @param {number} number
   */
  discard(number) {
    const place = this._place(number) - 1;
    const span = this._spans[place];
    if (span === undefined || number > span[1] || number <= this._blurred) return false;
    /** @type {[number, number][]} */
    const parts = [[span[0], number - 1], [number + 1, span[1]]];
    this._spans.splice(place, 1, ...parts.filter(([first, last]) => first <= last));
    this.count -= 1;
    this._blur();
    return true;
  }

  /**
   * How many ranges begin at a number or before it.
   *
   * @param {number} number
   */
  _place(number) {
    let low = 0;
    let high = this._spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {[number, number]} */ (this._spans[middle])[0] <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  _blur() {
    const [lowest, second] = this._spans;
    if (this._spans.length <= this._limit || lowest === undefined || second === undefined) return;
    this._spans.splice(0, 2, [lowest[0], second[1]]);
    this._blurred = Math.max(this._blurred, second[1]);
  }
}

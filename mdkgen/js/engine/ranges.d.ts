/** Sets of numbers in bounded space. */
/** Ranges kept apart. One more, and the two lowest become one that covers the gap between them. */
export const RANGES_MAX: 1000;
/** Numbers, as ranges. `count` is exact; the ranges cover every number, and gaps too once there are too many. */
export class NumberRanges {
    /** @param {number} [limit] */
    constructor(limit?: number);
    _limit: number;
    /** @type {[first: number, last: number][]} ascending */
    _spans: [first: number, last: number][];
    /** Up to here gaps are covered: whether a single number was added is not known any more. */
    _blurred: number;
    count: number;
    /** First and last number of each range, ascending. */
    spans(): (readonly [number, number])[];
    /** The lowest number; undefined if there are none. */
    get first(): number | undefined;
    /** @param {number} number */
    has(number: number): boolean;
    /**
     * Add a number that is not in any range.
     *
     * @param {number} number
     */
    add(number: number): void;
    /**
     * Take a number out; false if it is not in, or is where gaps are covered.
     *
     * @param {number} number
     */
    discard(number: number): boolean;
    /**
     * How many ranges begin at a number or before it.
     *
     * @param {number} number
     */
    _place(number: number): number;
    _blur(): void;
}

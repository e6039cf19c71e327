/** @typedef {{ at: number, order: number, key: string }} Entry */
/** Keyed times. */
export class Schedule {
    /** @type {Map<string, { at: number, order: number }>} */
    _due: Map<string, {
        at: number;
        order: number;
    }>;
    /** @type {Entry[]} */
    _heap: Entry[];
    _order: number;
    get size(): number;
    /** When the first key is due; null if there is none. */
    get deadline(): number | null;
    /**
     * Make a key due at a time, whatever was set before.
     *
     * @param {string} key
     * @param {number} at
     */
    set(key: string, at: number): void;
    /**
     * Forget a key; false if there is none such.
     *
     * @param {string} key
     */
    remove(key: string): boolean;
    /**
     * The first key that is due, removed, with its time; null if none is.
     *
     * @param {number} now
     */
    popDue(now: number): {
        key: string;
        at: number;
    } | null;
    /** All keys. */
    keys(): string[];
    _sweep(): void;
    /** @param {Entry} entry */
    _push(entry: Entry): void;
    /** @returns {Entry} */
    _pop(): Entry;
}
export type Entry = {
    at: number;
    order: number;
    key: string;
};

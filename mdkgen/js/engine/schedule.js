/**
 * When each key is due, earliest first; keys due at one time come in the order in which they were set.
 *
 * A binary heap. To put a key off costs one write: its entry stays where it is, and is put right when it comes to the
 * top. Entries of removed keys are garbage, which is swept when it outweighs the rest.
 */

/** Dead entries that the heap may hold however few are alive. */
const GARBAGE_MIN = 64;

/** @typedef {{ at: number, order: number, key: string }} Entry */

/** Keyed times. */
export class Schedule {
  constructor() {
    /** @type {Map<string, { at: number, order: number }>} */
    this._due = new Map();
    /** @type {Entry[]} */
    this._heap = [];
    this._order = 0;
  }

  get size() {
    return this._due.size;
  }

  /** When the first key is due; null if there is none. */
  get deadline() {
    const heap = this._heap;
    for (let top = heap[0]; top !== undefined; top = heap[0]) {
      const due = this._due.get(top.key);
      if (due === undefined || due.order !== top.order) {
        this._pop();
      } else if (due.at > top.at) {
        this._pop();
        this._push({ at: due.at, order: top.order, key: top.key });
      } else {
        return top.at;
      }
    }
    return null;
  }

  /**
   * Make a key due at a time, whatever was set before.
   *
   * @param {string} key
   * @param {number} at
   */
  set(key, at) {
    const before = this._due.get(key);
    if (before !== undefined && at >= before.at) {
      before.at = at;
      return;
    }
    this._order += 1;
    this._due.set(key, { at, order: this._order });
    this._push({ at, order: this._order, key });
    this._sweep();
  }

  /**
   * Forget a key; false if there is none such.
   *
   * @param {string} key
   */
  remove(key) {
    const there = this._due.delete(key);
    if (there) this._sweep();
    return there;
  }

  /**
   * The first key that is due, removed, with its time; null if none is.
   *
   * @param {number} now
   */
  popDue(now) {
    const at = this.deadline;
    if (at === null || at > now) return null;
    const { key } = this._pop();
    this._due.delete(key);
    return { key, at };
  }

  /** All keys. */
  keys() {
    return [...this._due.keys()];
  }

  _sweep() {
    if (this._heap.length - this._due.size <= Math.max(GARBAGE_MIN, this._due.size)) return;
    const alive = [...this._due].map(([key, { at, order }]) => ({ at, order, key }));
    this._heap = alive.sort((a, b) => (isBefore(a, b) ? -1 : 1)); // a sorted array is a heap
  }

  /** @param {Entry} entry */
  _push(entry) {
    const heap = this._heap;
    let place = heap.push(entry) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = /** @type {Entry} */ (heap[parent]);
      if (!isBefore(entry, above)) break;
      heap[place] = above;
      heap[parent] = entry;
      place = parent;
    }
  }

  /** @returns {Entry} */
  _pop() {
    const heap = this._heap;
    const top = /** @type {Entry} */ (heap[0]);
    const last = /** @type {Entry} */ (heap.pop());
    if (heap.length === 0) return top;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const least =
        right < heap.length && isBefore(/** @type {Entry} */ (heap[right]), /** @type {Entry} */ (heap[left])) ? right : left;
      const child = /** @type {Entry} */ (heap[least]);
      if (!isBefore(child, last)) break;
      heap[place] = child;
      place = least;
    }
    heap[place] = last;
    return top;
  }
}

/**
 * @param {Entry} a
 * @param {Entry} b
 */
function isBefore(a, b) {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

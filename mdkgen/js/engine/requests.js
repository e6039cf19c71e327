/** Questions that wait for their answers. */

/** @typedef {{ onReply: (reply: any) => void, onError: (failure: import("./errors.js").RequestFailed) => void }} Waiting */

/** The asking side of one request. Numbers count from 1 and go on over reconnects. */
export class PendingRequests {
  /** @param {import("./tables.js").Request} request */
  constructor(request) {
    this.request = request;
    /** The number of the next question. */
    this.nextNumber = 1;
    /** @type {Map<unknown, Waiting>} */
    this._waiting = new Map();
    /** Answers to what had timed out, was answered before, or never asked. */
    this.lateReplies = 0;
  }

  get size() {
    return this._waiting.size;
  }

  /** True if no other question may wait. */
  get isFull() {
    return this._waiting.size >= this.request.pendingMax;
  }

  /**
   * Wait for an answer; returns the question's number.
   *
   * @param {Waiting} waiting
   */
  add(waiting) {
    const number = this.nextNumber;
    this.nextNumber += 1;
    this._waiting.set(number, waiting);
    return number;
  }

  /**
   * Stop waiting; undefined for a number that nobody waits for.
   *
   * @param {unknown} number
   */
  take(number) {
    const waiting = this._waiting.get(number);
    this._waiting.delete(number);
    return waiting;
  }

  /** Stop waiting for anything. */
  takeAll() {
    const waiting = [...this._waiting];
    this._waiting.clear();
    return waiting;
  }
}

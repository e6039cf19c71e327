/** Messages of one delivery, kept until they are acknowledged. */

import { sizeBytes } from "./codec.js";
import { NumberRanges } from "./ranges.js";

/** @typedef {import("./tables.js").Delivery} Delivery */

/**
 * Numbered messages, as frames, bounded in count and size.
 *
 * Numbers go on over reconnects. At every moment: put = acknowledged + dropped + kept.
 */
export class Outbox {
  /** @param {Delivery} delivery */
  constructor(delivery) {
    this._delivery = delivery;
    /** @type {Map<number, { frame: string, size: number }>} in ascending order */
    this._kept = new Map();
    /** @type {number[]} numbers not yet written on this connection, ascending; those before `_next` are written */
    this._waiting = [];
    this._next = 0;
    /** The number of the next message. */
    this.nextNumber = delivery.first;
    /** Of the messages kept. */
    this.sizeBytes = 0;
    this.acknowledged = 0;
    /** Acknowledgements of what was acknowledged before, or never sent. */
    this.strayAcks = 0;
    /** Numbers dropped for want of room. A late acknowledgement takes its number out again. */
    this.droppedRanges = new NumberRanges();
    /** Set by the application; called with each message, as its frame, that is dropped for want of room. @type {((frame: string) => void) | null} */
    this.onDrop = null;
    /** Those of them that were written on this connection: an acknowledgement of all up to a number covers them. */
    this._writtenDrops = new NumberRanges();
  }

  /** Messages kept. */
  get count() {
    return this._kept.size;
  }

  /** Messages dropped for want of room and not known to have arrived. */
  get dropped() {
    return this.droppedRanges.count;
  }

  /** The numbers of the messages kept, ascending. */
  numbers() {
    return [...this._kept.keys()];
  }

  /**
   * Keep a message; returns its number.
   *
   * When there is no room, `drop_oldest` drops from the front, `drop_newest` drops this message: its number is used
   * up all the same. The frame is no larger than the whole room (the caller sees to it).
   *
   * @param {string} frame
   */
  put(frame) {
    const { countMax, sizeBytesMax, overflow } = this._delivery;
    const number = this.nextNumber;
    const size = sizeBytes(frame);
    this.nextNumber += 1;
    const isFull = () => this._kept.size >= countMax || this.sizeBytes + size > sizeBytesMax;
    if (isFull() && overflow === "drop_newest") {
      this._noteDrop(number, frame);
      return number;
    }
    for (const oldest of this._kept.keys()) {
      if (!isFull()) break;
      this._dropOldest(oldest);
    }
    this._kept.set(number, { frame, size });
    this.sizeBytes += size;
    this._waiting.push(number);
    this._compact();
    return number;
  }

  /**
   * A connection stands: with `resend` all messages kept wait to be written, else those never written.
   *
   * Without `resend`, those written on an earlier connection are dropped: nobody will acknowledge them.
   */
  connected() {
    this._writtenDrops = new NumberRanges();
    if (!this._delivery.resend) {
      const waiting = new Set(this._waiting.slice(this._next));
      for (const number of this.numbers().filter((one) => !waiting.has(one))) {
        this._forget(number);
        this.droppedRanges.add(number);
      }
      return;
    }
    this._waiting = this.numbers();
    this._next = 0;
  }

  /** The first message not yet written on this connection, which counts as written from now on; null if there is none. */
  nextWaiting() {
    while (this._next < this._waiting.length) {
      const kept = this._kept.get(/** @type {number} */ (this._waiting[this._next]));
      this._next += 1;
      if (kept !== undefined) return kept.frame;
    }
    return null;
  }

  /**
   * The first messages not yet written on this connection, at least one if there are any; they count as written.
   *
   * @param {number} countMax no more than so many
   * @param {number} sizeBytesMax after the first, no more than so many bytes together, a byte between two counted
   */
  nextBatch(countMax, sizeBytesMax) {
    /** @type {string[]} */
    const batch = [];
    let sizeBytes = 0;
    for (; this._next < this._waiting.length && batch.length < countMax; this._next += 1) {
      const kept = this._kept.get(/** @type {number} */ (this._waiting[this._next]));
      if (kept === undefined) continue;
      sizeBytes += kept.size + 1;
      if (batch.length > 0 && sizeBytes > sizeBytesMax) break;
      batch.push(kept.frame);
    }
    return batch;
  }

  /**
   * The peer has the message, or with `upto` all up to it; returns how many are no longer kept.
   *
   * What is not kept (acknowledged before, never sent, no number at all) is counted and does no harm.
   *
   * @param {number | undefined} number
   * @param {boolean} [upto] by default as the delivery says
   */
  acknowledge(number, upto = this._delivery.ackMode === "upto") {
    if (number === undefined) {
      this.strayAcks += 1;
      return 0;
    }
    if (upto) return this._acknowledgeUpto(number);
    if (this._forget(number)) {
      this.acknowledged += 1;
      return 1;
    }
    if (this.droppedRanges.discard(number)) this.acknowledged += 1;
    else this.strayAcks += 1;
    return 0;
  }

  /** @param {number} number */
  _acknowledgeUpto(number) {
    let count = 0;
    if (number >= this.nextNumber) {
      this.strayAcks += 1;
      return 0;
    }
    for (const oldest of this._kept.keys()) {
      if (oldest > number) break;
      this._forget(oldest);
      count += 1;
    }
    this.acknowledged += count + this._takeBack(number);
    if (count === 0) this.strayAcks += 1;
    return count;
  }

  /**
   * What was written on this connection and then dropped has arrived; returns how many messages that were.
   *
   * @param {number} upto
   */
  _takeBack(upto) {
    let count = 0;
    for (const [first, last] of this._writtenDrops.spans()) {
      for (let number = first; number <= Math.min(last, upto); number += 1) {
        if (this._writtenDrops.discard(number) && this.droppedRanges.discard(number)) count += 1;
      }
    }
    return count;
  }

  /** @param {number} number */
  _dropOldest(number) {
    const { frame } = /** @type {{ frame: string }} */ (this._kept.get(number));
    this._forget(number);
    this._noteDrop(number, frame);
    const waiting = this._waiting[this._next];
    if (waiting === undefined || waiting > number) this._writtenDrops.add(number);
    while (/** @type {number} */ (this._waiting[this._next]) <= number) this._next += 1;
  }

  /**
   * @param {number} number
   * @param {string} frame
   */
  _noteDrop(number, frame) {
    this.droppedRanges.add(number);
    this.onDrop?.(frame);
  }

  /** @param {number} number */
  _forget(number) {
    const kept = this._kept.get(number);
    if (kept === undefined) return false;
    this._kept.delete(number);
    this.sizeBytes -= kept.size;
    return true;
  }

  /** Let go of numbers that need not be written any more, before they outnumber the rest. */
  _compact() {
    if (this._waiting.length > 2 * this._delivery.countMax + 64) {
      this._waiting = this._waiting.slice(this._next).filter((number) => this._kept.has(number));
      this._next = 0;
    }
  }
}

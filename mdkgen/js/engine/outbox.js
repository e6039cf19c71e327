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
    /** @type {number[]} numbers written on an earlier connection, ascending; from `_next` on not yet on this one */
    this._again = [];
    this._next = 0;
    /** @type {Set<number>} numbers of those kept that were never written, ascending; all are above those that were */
    this._fresh = new Set();
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
   * When there is no room, `drop_oldest` drops the oldest messages that were never written, and only when there are
   * none those that were, which the peer may have already; `drop_newest` drops this message, and its number is used up
   * all the same. The frame is no larger than the whole room (the caller sees to it).
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
    while (isFull() && this._kept.size > 0) this._dropOldest();
    this._kept.set(number, { frame, size });
    this.sizeBytes += size;
    this._fresh.add(number);
    return number;
  }

  /**
   * A connection stands: with `resend` all messages kept wait to be written, else those never written.
   *
   * Without `resend`, those written on an earlier connection are dropped: nobody will acknowledge them.
   */
  connected() {
    this._writtenDrops = new NumberRanges();
    const written = this.numbers().filter((one) => !this._fresh.has(one));
    this._next = 0;
    if (this._delivery.resend) {
      this._again = written;
      return;
    }
    for (const number of written) {
      this._forget(number);
      this.droppedRanges.add(number);
    }
  }

  /** The first message not yet written on this connection, which counts as written from now on; null if there is none. */
  nextWaiting() {
    const number = this._waiting();
    if (number === undefined) return null;
    this._wrote(number);
    return this._get(number).frame;
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
    let size = 0;
    for (let number = this._waiting(); number !== undefined && batch.length < countMax; number = this._waiting()) {
      const kept = this._get(number);
      size += kept.size + 1;
      if (batch.length > 0 && size > sizeBytesMax) break;
      batch.push(kept.frame);
      this._wrote(number);
    }
    return batch;
  }

  /** The first number not yet written on this connection. @returns {number | undefined} */
  _waiting() {
    for (; this._next < this._again.length; this._next += 1) {
      const number = /** @type {number} */ (this._again[this._next]);
      if (this._kept.has(number)) return number;
    }
    return firstOf(this._fresh);
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

  _dropOldest() {
    const fresh = firstOf(this._fresh);
    const number = fresh ?? /** @type {number} */ (firstOf(this._kept.keys()));
    if (fresh === undefined && number !== this._waiting()) this._writtenDrops.add(number);
    const frame = this._get(number).frame;
    this._forget(number);
    this._noteDrop(number, frame);
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
    this._fresh.delete(number);
    this.sizeBytes -= kept.size;
    return true;
  }

  /** @param {number} number of a message that is kept */
  _get(number) {
    return /** @type {{ frame: string, size: number }} */ (this._kept.get(number));
  }

  /** @param {number} number the first that was not */
  _wrote(number) {
    if (!this._fresh.delete(number)) this._next += 1;
  }
}

/**
 * The first of some numbers; undefined if there are none.
 *
 * @param {Iterable<number>} numbers
 */
function firstOf(numbers) {
  for (const number of numbers) return number;
  return undefined;
}

/** @typedef {import("./tables.js").Delivery} Delivery */
/**
 * Numbered messages, as frames, bounded in count and size.
 *
 * Numbers go on over reconnects. At every moment: put = acknowledged + dropped + kept.
 */
export class Outbox {
    /** @param {Delivery} delivery */
    constructor(delivery: Delivery);
    _delivery: import("./tables.js").Delivery;
    /** @type {Map<number, { frame: string, size: number }>} in ascending order */
    _kept: Map<number, {
        frame: string;
        size: number;
    }>;
    /** @type {number[]} numbers written on an earlier connection, ascending; from `_next` on not yet on this one */
    _again: number[];
    _next: number;
    /** @type {Set<number>} numbers of those kept that were never written, ascending; all are above those that were */
    _fresh: Set<number>;
    /** The number of the next message. */
    nextNumber: number;
    /** Of the messages kept. */
    sizeBytes: number;
    acknowledged: number;
    /** Acknowledgements of what was acknowledged before, or never sent. */
    strayAcks: number;
    /** Numbers dropped for want of room. A late acknowledgement takes its number out again. */
    droppedRanges: NumberRanges;
    /** Set by the application; called with each message, as its frame, that is dropped for want of room. @type {((frame: string) => void) | null} */
    onDrop: ((frame: string) => void) | null;
    /** Those of them that were written on this connection: an acknowledgement of all up to a number covers them. */
    _writtenDrops: NumberRanges;
    /** Messages kept. */
    get count(): number;
    /** Messages dropped for want of room and not known to have arrived. */
    get dropped(): number;
    /** The numbers of the messages kept, ascending. */
    numbers(): number[];
    /**
     * Keep a message; returns its number.
     *
     * When there is no room, `drop_oldest` drops the oldest messages that were never written, and only when there are
     * none those that were, which the peer may have already; `drop_newest` drops this message, and its number is used up
     * all the same. The frame is no larger than the whole room (the caller sees to it).
     *
     * @param {string} frame
     */
    put(frame: string): number;
    /**
     * A connection stands: with `resend` all messages kept wait to be written, else those never written.
     *
     * Without `resend`, those written on an earlier connection are dropped: nobody will acknowledge them.
     */
    connected(): void;
    /** The first message not yet written on this connection, which counts as written from now on; null if there is none. */
    nextWaiting(): string | null;
    /**
     * The first messages not yet written on this connection, at least one if there are any; they count as written.
     *
     * @param {number} countMax no more than so many
     * @param {number} sizeBytesMax after the first, no more than so many bytes together, a byte between two counted
     */
    nextBatch(countMax: number, sizeBytesMax: number): string[];
    /** The first number not yet written on this connection. @returns {number | undefined} */
    _waiting(): number | undefined;
    /**
     * The peer has the message, or with `upto` all up to it; returns how many are no longer kept.
     *
     * What is not kept (acknowledged before, never sent, no number at all) is counted and does no harm.
     *
     * @param {number | undefined} number
     * @param {boolean} [upto] by default as the delivery says
     */
    acknowledge(number: number | undefined, upto?: boolean): number;
    /** @param {number} number */
    _acknowledgeUpto(number: number): number;
    /**
     * What was written on this connection and then dropped has arrived; returns how many messages that were.
     *
     * @param {number} upto
     */
    _takeBack(upto: number): number;
    _dropOldest(): void;
    /**
     * @param {number} number
     * @param {string} frame
     */
    _noteDrop(number: number, frame: string): void;
    /** @param {number} number */
    _forget(number: number): boolean;
    /** @param {number} number of a message that is kept */
    _get(number: number): {
        frame: string;
        size: number;
    };
    /** @param {number} number the first that was not */
    _wrote(number: number): void;
}
export type Delivery = import("./tables.js").Delivery;
import { NumberRanges } from "./ranges.js";

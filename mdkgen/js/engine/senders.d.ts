/** All deliveries of a role, by name. */
export class Senders {
    /**
     * @param {import("./tables.js").Role} role
     * @param {ReadonlyMap<string, number>} places part to its place
     * @param {import("./machines.js").Machines} machines
     */
    constructor(role: import("./tables.js").Role, places: ReadonlyMap<string, number>, machines: import("./machines.js").Machines);
    _codec: import("./codec.js").Codec;
    _machines: import("./machines.js").Machines;
    /** @type {Map<string, Sender>} */
    _senders: Map<string, Sender>;
    /** @type {Map<string, Receiving>} */
    _receiving: Map<string, Receiving>;
    /** True while something waits for the output to be taken. */
    hasBacklog: boolean;
    /**
     * @param {string} delivery
     * @returns {Sender}
     */
    sender(delivery: string): Sender;
    /**
     * @param {string} delivery
     * @returns {Receiving}
     */
    receiving(delivery: string): Receiving;
    /** Move what waits to the output, delivery by delivery, as far as it has room. */
    flow(): void;
    /**
     * One more message waits. Where batches are written, it waits until the output is taken for more to come.
     *
     * @param {Sender} sender
     */
    grown(sender: Sender): void;
    /**
     * A message has come. Where batches are written, it holds back the acknowledgement of all after it.
     *
     * @param {string} delivery
     * @param {number | undefined} number
     */
    came(delivery: string, number: number | undefined): void;
    /**
     * A message is safe. Where batches are written, one acknowledgement of all is sent when the output is taken.
     *
     * @param {Receiving} receiving
     * @param {number} number
     */
    acknowledge(receiving: Receiving, number: number): void;
    /** Send the acknowledgements that are owed; after a hang-up it is too late. */
    settle(): void;
    /** @param {Batch | null} batch */
    _isBatched(batch: Batch | null): boolean;
    /**
     * Move what one delivery has waiting to the output, as far as it has room.
     *
     * @param {Sender} sender
     */
    _flowOne(sender: Sender): void;
    /**
     * A batch of what waits; a single message as itself: it may be as large as a frame can be.
     *
     * @param {Outbox} outbox
     * @param {Batch} batch
     */
    _nextFrame(outbox: Outbox, batch: Batch): string | null;
    /** @param {number} part */
    _started(part: number): void;
    /** @param {number} part */
    _ended(part: number): void;
}
export type Batch = import("./tables.js").Batch;
export type Delivery = import("./tables.js").Delivery;
/**
 * The sending end of one delivery; `isOpen` is true while its part is live.
 */
export type Sender = {
    delivery: Delivery;
    outbox: Outbox;
    part: number;
    isOpen: boolean;
};
/**
 * The sending end of one delivery; `isOpen` is true while its part is live.
 *
 * @typedef {{ delivery: Delivery, outbox: Outbox, part: number, isOpen: boolean }} Sender
 */
/** The receiving end of one delivery. */
declare class Receiving {
    /**
     * @param {Delivery} delivery
     * @param {number} part
     */
    constructor(delivery: Delivery, part: number);
    delivery: import("./tables.js").Delivery;
    part: number;
    /** Came on this connection, and is not acknowledged; kept where batches are written. */
    unsafe: NumberRanges;
    /** Number that came on this connection. */
    highest: number;
    /** Up to here the peer knows that all is safe. */
    told: number;
    /** Up to here everything that came is acknowledged. */
    get safeUpto(): number;
    /** Another connection begins. */
    forget(): void;
}
import { Outbox } from "./outbox.js";
import { NumberRanges } from "./ranges.js";
export {};

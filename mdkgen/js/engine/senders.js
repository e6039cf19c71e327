/** The sending and the receiving ends of deliveries, bound to the parts that carry them. */

import { sizeBytes } from "./codec.js";
import { Outbox } from "./outbox.js";
import { NumberRanges } from "./ranges.js";

/**
 * @typedef {import("./tables.js").Batch} Batch
 * @typedef {import("./tables.js").Delivery} Delivery
 */

/** Written to the output in one go: a long backlog after a reconnect must not stand in memory twice. */
const FLOW_BYTES_MAX = 256 * 1024;

/** In one frame: beyond, a larger one saves nothing more, and whoever reads it can do nothing else meanwhile. */
const BATCH_BYTES_MAX = 64 * 1024;

/**
 * The sending end of one delivery; `isOpen` is true while its part is live.
 *
 * @typedef {{ delivery: Delivery, outbox: Outbox, part: number, isOpen: boolean }} Sender
 */

/** The receiving end of one delivery. */
class Receiving {
  /**
   * @param {Delivery} delivery
   * @param {number} part
   */
  constructor(delivery, part) {
    this.delivery = delivery;
    this.part = part;
    /** Came on this connection, and is not acknowledged; kept where batches are written. */
    this.unsafe = new NumberRanges();
    /** Number that came on this connection. */
    this.highest = -1;
    /** Up to here the peer knows that all is safe. */
    this.told = -1;
  }

  /** Up to here everything that came is acknowledged. */
  get safeUpto() {
    const { first } = this.unsafe;
    return first === undefined ? this.highest : first - 1;
  }

  /** Another connection begins. */
  forget() {
    this.unsafe = new NumberRanges();
    this.highest = -1;
    this.told = -1;
  }
}

/** All deliveries of a role, by name. */
export class Senders {
  /**
   * @param {import("./tables.js").Role} role
   * @param {ReadonlyMap<string, number>} places part to its place
   * @param {import("./machines.js").Machines} machines
   */
  constructor(role, places, machines) {
    this._codec = role.codec;
    this._machines = machines;
    /** @type {Map<string, Sender>} */
    this._senders = new Map();
    /** @type {Map<string, Receiving>} */
    this._receiving = new Map();
    for (const delivery of role.deliveries) {
      const part = /** @type {number} */ (places.get(delivery.part));
      if (delivery.sender === role.role) {
        this._senders.set(delivery.name, { delivery, outbox: new Outbox(delivery), part, isOpen: false });
      } else {
        this._receiving.set(delivery.name, new Receiving(delivery, part));
      }
    }
    /** True while something waits for the output to be taken. */
    this.hasBacklog = false;
    machines.onStarted = (part) => this._started(part);
    machines.onEnded = (part) => this._ended(part);
  }

  /**
   * @param {string} delivery
   * @returns {Sender}
   */
  sender(delivery) {
    return /** @type {Sender} */ (this._senders.get(delivery));
  }

  /**
   * @param {string} delivery
   * @returns {Receiving}
   */
  receiving(delivery) {
    return /** @type {Receiving} */ (this._receiving.get(delivery));
  }

  /** Move what waits to the output, delivery by delivery, as far as it has room. */
  flow() {
    this.hasBacklog = false;
    this.settle();
    for (const sender of this._senders.values()) if (sender.isOpen) this._flowOne(sender);
  }

  /**
   * One more message waits. Where batches are written, it waits until the output is taken for more to come.
   *
   * @param {Sender} sender
   */
  grown(sender) {
    if (!sender.isOpen) return;
    if (this._isBatched(sender.delivery.batch)) this.hasBacklog = true;
    else this._flowOne(sender);
  }

  /**
   * A message has come. Where batches are written, it holds back the acknowledgement of all after it.
   *
   * @param {string} delivery
   * @param {number | undefined} number
   */
  came(delivery, number) {
    const receiving = this.receiving(delivery);
    if (number === undefined || !this._isBatched(receiving.delivery.batch)) return;
    receiving.highest = Math.max(receiving.highest, number);
    if (!receiving.unsafe.has(number)) receiving.unsafe.add(number);
  }

  /**
   * A message is safe. Where batches are written, one acknowledgement of all is sent when the output is taken.
   *
   * @param {Receiving} receiving
   * @param {number} number
   */
  acknowledge(receiving, number) {
    const { delivery } = receiving;
    if (!this._isBatched(delivery.batch)) {
      this._machines.send(delivery.makeAck(number));
      return;
    }
    receiving.unsafe.discard(number);
    if (receiving.safeUpto > receiving.told) this.hasBacklog = true;
  }

  /** Send the acknowledgements that are owed; after a hang-up it is too late. */
  settle() {
    for (const receiving of this._receiving.values()) {
      const { batch } = receiving.delivery;
      const safe = receiving.safeUpto;
      if (batch === null || safe <= receiving.told) continue;
      receiving.told = safe;
      this._machines.send(batch.makeAck(safe));
    }
  }

  /** @param {Batch | null} batch */
  _isBatched(batch) {
    const [root] = this._machines.states;
    return batch !== null && typeof root === "string" && batch.states.includes(root);
  }

  /**
   * Move what one delivery has waiting to the output, as far as it has room.
   *
   * @param {Sender} sender
   */
  _flowOne(sender) {
    const { output } = this._machines;
    const { batch } = sender.delivery;
    while (output.sizeBytes < FLOW_BYTES_MAX) {
      const frame =
        batch !== null && this._isBatched(batch) ? this._nextFrame(sender.outbox, batch) : sender.outbox.nextWaiting();
      if (frame === null) return;
      output.add(frame);
    }
    this.hasBacklog = true;
  }

  /**
   * A batch of what waits; a single message as itself: it may be as large as a frame can be.
   *
   * @param {Outbox} outbox
   * @param {Batch} batch
   */
  _nextFrame(outbox, batch) {
    const empty = this._codec.encode(batch.make([]));
    const place = empty.lastIndexOf("[]") + 1;
    const room = Math.min(BATCH_BYTES_MAX, this._codec.messageBytesMax - sizeBytes(empty));
    const items = outbox.nextBatch(batch.countMax, room);
    if (items.length < 2) return items[0] ?? null;
    return empty.slice(0, place) + items.join(",") + empty.slice(place);
  }

  /** @param {number} part */
  _started(part) {
    for (const sender of this._senders.values()) {
      if (sender.part !== part) continue;
      sender.isOpen = true;
      sender.outbox.connected();
      this._flowOne(sender);
    }
  }

  /** @param {number} part */
  _ended(part) {
    for (const sender of this._senders.values()) if (sender.part === part) sender.isOpen = false;
    for (const receiving of this._receiving.values()) if (receiving.part === part) receiving.forget();
  }
}

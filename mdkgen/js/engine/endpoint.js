/** One side of one protocol, without I/O: frames come in; frames, a deadline and told events come out. */

import { monotonic } from "./clock.js";
import { IllegalMessage, MalformedMessage, PeerError, RequestFailed, UnsendableMessage, throwAll } from "./errors.js";
import { sizeBytes } from "./codec.js";
import { Machines } from "./machines.js";
import { Backoff, Offences } from "./policies.js";
import { PendingRequests } from "./requests.js";
import { Senders } from "./senders.js";
import { step } from "./step.js";

/**
 * @typedef {import("./tables.js").Delivery} Delivery
 * @typedef {import("./tables.js").Request} Request
 * @typedef {import("./tables.js").Role} Role
 * @typedef {import("./leases.js").SharedLeases} SharedLeases
 */

/** Timers, lapses and timeouts in one `tick`; what is left stays due, so that a shell can do other work between. */
const DUE_MAX = 1000;

/** Counts since the endpoint was made, over all its connections. */
export class Counters {
  /** Messages taken. */
  received = 0;
  unknown = 0;
  illegal = 0;
  malformed = 0;
  /** Messages that came after the hang-up, or for a part that had just ended. */
  discarded = 0;
  /** Messages that were to be sent while there was no connection to send them on; close messages that cannot be written. */
  unsent = 0;
  /** Connections ended because the peer did not read. */
  overruns = 0;
  connections = 0;
  /** How often a message came under another name, by that name. @type {Map<string, number>} */
  aliases = new Map();
}

/**
 * @typedef {object} EndpointOptions
 * @property {Readonly<Record<string, number>>} [params] the spec's parameters that differ from their defaults
 * @property {SharedLeases | null} [shared] what the accepting side's endpoints have in common, where the spec has shared leases
 * @property {() => number} [random] for jitter; answers numbers from 0 to 1
 * @property {() => number} [clock] seconds on any clock that never goes back
 */

/**
 * One side of one protocol.
 *
 * A shell moves frames between an endpoint and a connection, and after each of its inputs looks at `takeOutput`,
 * `hangingUp`, `deadline` and, on the connecting side, `connectAt`. What applications call comes at any time, also
 * from inside the handler; `wake` tells the shell that it has to look again.
 *
 * An error that the handler throws leaves the endpoint in order: what belonged to the same input has been done, then
 * the error is thrown to the shell, which reports it and goes on.
 */
export class Endpoint {
  /**
   * @param {Role} role the generated tables
   * @param {object} handler has the hooks and is told the events
   * @param {EndpointOptions} [options]
   */
  constructor(role, handler, { params = {}, shared = null, random = Math.random, clock = monotonic } = {}) {
    /** The tables. */
    this.role = role;
    /** Seconds, as every time of this endpoint. */
    this.clock = clock;
    this.counters = new Counters();
    const scope = { hooks: handler, params: checkedParameters(role.params, params), flags: {} };
    this._scope = scope;
    this._machines = new Machines(role, scope, shared, this.counters);
    if (shared === null && this._machines.needsShared) {
      throw new TypeError(`${role.protocol}'s ${role.role} has shared leases: give it what its endpoints share`);
    }
    this._index = new Map(role.machines.map((machine, index) => [machine.part, index]));
    this._offences = new Offences(role, this.counters);
    this._backoff = role.reconnect === null ? null : new Backoff(role.reconnect, random);
    this._senders = new Senders(role, this._index, this._machines);
    /** What the engine does with a message by itself, by its name. @type {Map<string, Received>} */
    this._received = receivedBy(role);
    const asked = role.requests.filter((one) => one.sender === role.role);
    this._pending = new Map(asked.map((one) => [one.name, new PendingRequests(one)]));
    this._wanted = false;
    /** Inputs of the shell that are running: it looks at the outputs afterwards by itself. */
    this._inside = 0;
    /** What the shell has been woken for since it last looked: 1 output, 2 a hang-up, which output does not hide. */
    this._wokenFor = 0;
    /** @type {number | null} */
    this._seenDeadline = null;
    this._isLinked = false;
    /** When the shell shall connect; null for: not at all, or it has. @type {number | null} */
    this.connectAt = null;
    /** Set by the shell; called when a call has made output or moved the deadline forward by itself. @type {(() => void) | null} */
    this.wake = null;
    /** Set by the shell; told of every frame that is not taken, for its log. @type {((offence: PeerError) => void) | null} */
    this.onOffence = null;
  }

  // --- what the shell reads -------------------------------------------------------------------------

  /** Frames to write as text, in order. Call until it answers none: a long backlog comes in pieces. */
  takeOutput() {
    this._wokenFor = 0;
    if (this._senders.hasBacklog) this._senders.flow();
    return this._machines.output.take();
  }

  /** True when the shell shall close the connection as soon as the output is written. */
  get hangingUp() {
    return this._machines.hangingUp;
  }

  /** When `tick` has something to do; null if never. */
  get deadline() {
    this._seenDeadline = this._machines.schedule.deadline;
    return this._seenDeadline;
  }

  /** True between `connected` and `lost`, unless one side has hung up. */
  get isConnected() {
    return this._machines.isUp;
  }

  // --- inputs of the shell --------------------------------------------------------------------------

  /** A connection stands. */
  connected() {
    this.connectAt = null;
    this._isLinked = true;
    this.counters.connections += 1;
    this._offences.forgive();
    this._input((errors) => this._machines.start(this.clock(), errors));
  }

  /**
   * A frame came. Whatever it holds, no error of the peer's leaves this method.
   *
   * @param {unknown} frame text; anything else is a binary frame
   */
  receive(frame) {
    if (!this._machines.isUp) {
      this.counters.discarded += 1;
      return;
    }
    this._input((errors) => {
      try {
        if (typeof frame !== "string") throw new MalformedMessage("a binary frame, expected text");
        this._take(this.role.codec.decode(frame, (name) => this._countAlias(name)), errors);
      } catch (offence) {
        if (!(offence instanceof PeerError)) throw offence;
        this._offend(offence);
      }
    });
  }

  /** The connection is gone, whoever closed it. */
  lost() {
    this._input((errors) => {
      this._machines.end();
      this._machines.hangingUp = false;
      this._machines.output.take();
      this._wokenFor = 0;
      if (this._isLinked) {
        this._isLinked = false;
        this._retry();
      }
      for (const pending of this._pending.values()) {
        for (const [number, waiting] of pending.takeAll()) {
          this._machines.schedule.remove(requestKey(pending.request.name, number));
          attempt(errors, () => waiting.onError(new RequestFailed(pending.request.name, "lost")));
        }
      }
    });
  }

  /** Run what is due, earliest first. */
  tick() {
    const now = this.clock();
    this._input((errors) => {
      for (let count = 0; count < DUE_MAX; count += 1) {
        const due = this._machines.schedule.popDue(now);
        if (due === null) return;
        if (!due.key.startsWith("request ")) {
          this._machines.due(due.key, due.at, now, errors);
          continue;
        }
        const [, name = "", number] = due.key.split(" ");
        const waiting = this._asked(name).take(Number(number));
        attempt(errors, () => waiting?.onError(new RequestFailed(name, "timeout")));
      }
    });
  }

  /** Want a connection, from now on and again after each loss. */
  start() {
    this._wanted = true;
    if (!this._isLinked && this.connectAt === null) this.connectAt = this.clock();
    this._notify(true);
  }

  /** Want no connection any more; one that stands is closed when the output is written. */
  stop() {
    this._wanted = false;
    this.connectAt = null;
    this._senders.settle();
    this._machines.hangUp();
    this._notify(true);
  }

  /** The shell could not connect. */
  connectFailed() {
    this._retry();
  }

  // --- calls of the application ---------------------------------------------------------------------

  /**
   * Make a call of the spec.
   *
   * @param {string} part
   * @param {string} name
   * @param {...unknown} args
   * @throws {IllegalCall} the state does not allow it; nothing was changed
   * @throws {UnsendableMessage} a message that it sends cannot be written; the rest of the call was done
   */
  call(part, name, ...args) {
    const index = this._place(part);
    const machine = /** @type {import("./tables.js").Machine} */ (this.role.machines[index]);
    const transition = step(machine, this._machines.states[index] ?? null, `call ${name}`, this._scope, args);
    /** @type {unknown[]} */
    const errors = [];
    this._senders.settle();
    this._machines.run(index, transition, args, this.clock(), errors);
    this._notify();
    throwAll(errors);
  }

  /**
   * Number a message, keep it until it is acknowledged, write it when its part is live; returns its number.
   *
   * @param {string} delivery
   * @param {any} message
   * @returns {number}
   * @throws {UnsendableMessage} it cannot be written, or is larger than the whole outbox; no number was used
   */
  deliver(delivery, message) {
    const sender = this._senders.sender(delivery);
    const { number: field, sizeBytesMax } = sender.delivery;
    const frame = this.role.codec.encode(withField(message, field, sender.outbox.nextNumber));
    const size = sizeBytes(frame);
    if (size > sizeBytesMax) {
      throw new UnsendableMessage(
        message.constructor.typeName,
        `${size} bytes as JSON, the whole outbox has ${sizeBytesMax}`,
      );
    }
    const number = sender.outbox.put(frame);
    if (sender.isOpen) {
      this._senders.grown(sender);
      this._notify();
    }
    return number;
  }

  /**
   * Tell the peer that a message is safe. Without a connection nothing is said: the peer will send it again.
   *
   * @param {string} delivery
   * @param {number} number
   */
  acknowledge(delivery, number) {
    const receiving = this._senders.receiving(delivery);
    if (this._machines.states[receiving.part] === null) {
      this.counters.unsent += 1;
      return;
    }
    this._senders.acknowledge(receiving, number);
    this._notify();
  }

  /**
   * Ask. Exactly one of the two is called once: `onError` at once if nothing can be asked now.
   *
   * @param {string} name
   * @param {any} message
   * @param {(reply: any) => void} onReply
   * @param {(failure: RequestFailed) => void} onError
   * @throws {UnsendableMessage} the question cannot be written; neither will be called
   */
  request(name, message, onReply, onError) {
    const pending = this._asked(name);
    const { request } = pending;
    const frame = this.role.codec.encode(withField(message, request.number, pending.nextNumber));
    if (this.state(request.part) === null) {
      onError(new RequestFailed(name, "lost"));
      return;
    }
    if (pending.isFull) {
      onError(new RequestFailed(name, "full"));
      return;
    }
    const number = pending.add({ onReply, onError });
    this._machines.schedule.set(requestKey(name, number), this.clock() + request.timeoutS(this._scope));
    this._machines.write(frame);
    this._notify();
  }

  /**
   * The same as a promise of the answer; it is rejected with what `onError` would get.
   *
   * @param {string} name
   * @param {any} message
   * @returns {Promise<any>}
   */
  ask(name, message) {
    return new Promise((resolve, reject) => this.request(name, message, resolve, reject));
  }

  /**
   * Answer a question. Without the connection on which it came nothing is said.
   *
   * @param {string} name
   * @param {any} question
   * @param {any} reply
   */
  reply(name, question, reply) {
    const one = /** @type {Request} */ (this.role.requests.find((request) => request.name === name));
    if (this.state(one.part) === null) {
      this.counters.unsent += 1;
      return;
    }
    this._machines.send(withField(reply, one.replyNumber, question[one.number]));
    this._notify();
  }

  /**
   * Where a part is; null while it is not live.
   *
   * @param {string} part
   */
  state(part) {
    return this._machines.states[this._place(part)] ?? null;
  }

  /**
   * What waits for its acknowledgement.
   *
   * @param {string} delivery
   */
  outbox(delivery) {
    return this._senders.sender(delivery).outbox;
  }

  /**
   * Questions that wait for their answers.
   *
   * @param {string} request
   */
  pending(request) {
    return this._asked(request);
  }

  // --- inside ---------------------------------------------------------------------------------------

  /**
   * @param {any} message
   * @param {unknown[]} errors
   */
  _take(message, errors) {
    const name = message.constructor.typeName;
    const machines = this._machines;
    const part = Object.hasOwn(this.role.receives, name) ? this.role.receives[name] : undefined;
    if (part === undefined) {
      const [root] = this.role.machines;
      throw new IllegalMessage(name, root?.part ?? "", machines.states[0] ?? null, []);
    }
    const index = this._place(part);
    const state = machines.states[index] ?? null;
    if (state === null && machines.wasLive[index]) {
      this.counters.discarded += 1;
      return;
    }
    const machine = /** @type {import("./tables.js").Machine} */ (this.role.machines[index]);
    const received = this._received.get(name) ?? TAKEN_BY_TABLES;
    const { batch, unpacks, delivery } = received;
    if (batch !== undefined && !batch.states.includes(machines.states[0] ?? "")) {
      throw new IllegalMessage(name, this.role.machines[0]?.part ?? "", machines.states[0] ?? null, []);
    }
    if (unpacks !== undefined && batch !== undefined) {
      this._unpack(index, unpacks, message[batch.field], errors);
      return;
    }
    const input = `recv ${name}`;
    const isTaken = state !== null && (machine.states[state]?.[input] ?? machine.always[input]) !== undefined;
    if (received.byEngine && state === null) throw new IllegalMessage(name, part, null, []);
    const transition = received.byEngine && !isTaken ? null : step(machine, state, input, this._scope, [message]);
    this.counters.received += 1;
    this._offences.forgive();
    if (received.byEngine) this._settle(received, message, errors);
    else if (delivery !== undefined) this._senders.came(delivery.name, message[delivery.number]);
    if (transition !== null) machines.run(index, transition, [message], this.clock(), errors);
    if (machines.isUp) this._backoff?.proved();
  }

  /**
   * A batch comes as the messages that it holds, as long as their part is live.
   *
   * @param {number} index
   * @param {Delivery} delivery
   * @param {readonly any[]} items
   * @param {unknown[]} errors
   */
  _unpack(index, delivery, items, errors) {
    const machine = /** @type {import("./tables.js").Machine} */ (this.role.machines[index]);
    this._offences.forgive();
    for (const item of items) {
      const state = this._machines.states[index] ?? null;
      if (state === null) {
        this.counters.discarded += 1;
        continue;
      }
      const transition = step(machine, state, `recv ${delivery.message}`, this._scope, [item]);
      this.counters.received += 1;
      this._senders.came(delivery.name, item[delivery.number]);
      this._machines.run(index, transition, [item], this.clock(), errors);
    }
  }

  /**
   * @param {Received} received
   * @param {any} message
   * @param {unknown[]} errors
   */
  _settle({ ackOf, replyTo, batch }, message, errors) {
    if (ackOf !== undefined) {
      const { outbox } = this._senders.sender(ackOf.name);
      if (batch !== undefined) outbox.acknowledge(message[batch.ackNumber], true);
      else outbox.acknowledge(message[ackOf.ackNumber]);
    }
    if (replyTo === undefined) return;
    const pending = this._asked(replyTo.name);
    const number = message[replyTo.replyNumber];
    const waiting = pending.take(number);
    if (waiting === undefined) {
      pending.lateReplies += 1;
      return;
    }
    this._machines.schedule.remove(requestKey(replyTo.name, number));
    attempt(errors, () => waiting.onReply(message));
  }

  /** @param {PeerError} offence */
  _offend(offence) {
    this.onOffence?.(offence);
    const code = this._offences.commit(offence);
    if (code !== null) this._machines.fail(code, offence.message);
  }

  _retry() {
    if (this._wanted && this._backoff !== null) this.connectAt = this.clock() + this._backoff.waitS();
  }

  /** @param {string} name */
  _countAlias(name) {
    this.counters.aliases.set(name, (this.counters.aliases.get(name) ?? 0) + 1);
  }

  /** @param {(errors: unknown[]) => void} act */
  _input(act) {
    /** @type {unknown[]} */
    const errors = [];
    this._inside += 1;
    attempt(errors, () => act(errors));
    this._inside -= 1;
    throwAll(errors);
  }

  /** @param {boolean} [force] */
  _notify(force = false) {
    if (this._inside > 0 || this.wake === null) return;
    const { output, hangingUp, schedule } = this._machines;
    const hasOutput = output.frames.length > 0 || this._senders.hasBacklog;
    const reason = hangingUp ? 2 : hasOutput || force ? 1 : 0;
    if (force || reason > this._wokenFor) {
      this._wokenFor = reason;
      this.wake();
      return;
    }
    const due = schedule.deadline;
    if (due !== null && (this._seenDeadline === null || due < this._seenDeadline)) {
      this._seenDeadline = due;
      this.wake();
    }
  }

  /** @param {string} part */
  _place(part) {
    return /** @type {number} */ (this._index.get(part));
  }

  /** @param {string} request */
  _asked(request) {
    return /** @type {PendingRequests} */ (this._pending.get(request));
  }
}

/**
 * @param {string} name
 * @param {unknown} number
 */
function requestKey(name, number) {
  return `request ${name} ${number}`;
}

/**
 * What the engine does with a message by itself.
 *
 * @typedef {object} Received
 * @property {boolean} byEngine true if the tables need not take it, because the engine does: an ack, a reply or a batch
 * @property {Delivery} [ackOf]
 * @property {Request} [replyTo]
 * @property {import("./tables.js").Batch} [batch] it is a batch or acknowledges one: legal in the batch's states only
 * @property {Delivery} [unpacks] whose batch it is
 * @property {Delivery} [delivery] it is one of a delivery's whose messages also come in batches
 */

/** @type {Received} */
const TAKEN_BY_TABLES = { byEngine: false };

/**
 * @param {Role} role
 * @returns {Map<string, Received>}
 */
function receivedBy(role) {
  /** @type {Map<string, Received>} */
  const all = new Map();
  for (const delivery of role.deliveries) {
    const { batch } = delivery;
    if (delivery.sender === role.role) {
      all.set(delivery.ack, { byEngine: true, ackOf: delivery });
      if (batch !== null) all.set(batch.ack, { byEngine: true, ackOf: delivery, batch });
    } else if (batch !== null) {
      all.set(batch.message, { byEngine: true, batch, unpacks: delivery });
      all.set(delivery.message, { byEngine: false, delivery });
    }
  }
  for (const request of role.requests) {
    if (request.sender === role.role) all.set(request.reply, { ...all.get(request.reply), byEngine: true, replyTo: request });
  }
  return all;
}

/**
 * A copy of a message with one field given.
 *
 * @param {any} message
 * @param {string} field
 * @param {unknown} value
 */
function withField(message, field, value) {
  return new message.constructor({ ...message, [field]: value });
}

/**
 * @param {unknown[]} errors
 * @param {() => void} act
 */
function attempt(errors, act) {
  try {
    act();
  } catch (error) {
    errors.push(error);
  }
}

/**
 * All parameters by name.
 *
 * @param {Readonly<Record<string, number>>} defaults
 * @param {Readonly<Record<string, number>>} given
 * @throws {TypeError} a name that the specification does not have
 * @throws {RangeError} a value that is not a finite number above 0
 */
function checkedParameters(defaults, given) {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) {
      const known = Object.keys(defaults).sort().join(", ") || "none";
      throw new TypeError(`the specification has no parameter '${name}'; it has: ${known}`);
    }
    if (!Number.isFinite(value) || value <= 0) {
      throw new RangeError(`the parameter '${name}' is ${value}; expected a finite number above 0`);
    }
  }
  return { ...defaults, ...given };
}

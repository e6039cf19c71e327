/**
 * The machines of one endpoint: the states of all parts, and the one place where transitions run.
 *
 * The rules, in the order in which they apply to a transition:
 *
 * 1. The new state holds. Timers of the old one are gone; parts that are not live in the new one have ended.
 * 2. The actions run, in order.
 * 3. Unless an action changed the state again or hung up: the timers of the new state are armed, its `enter` runs, and
 *    the parts that are live from now on start, in the order of the spec.
 *
 * An error thrown by the application (a hook, a told handler, a message that cannot be written) does not stop this: it
 * is held back, the rest runs, so that state and wire agree, and then it is thrown.
 */

import { sizeBytes } from "./codec.js";
import { UnsendableMessage } from "./errors.js";
import { leaseKey, leaseOf } from "./leases.js";
import { Schedule } from "./schedule.js";
import { step } from "./step.js";

/**
 * @typedef {import("./tables.js").Action} Action
 * @typedef {import("./tables.js").Machine} Machine
 * @typedef {import("./tables.js").Timer} Timer
 * @typedef {import("./tables.js").Transition} Transition
 */

/**
 * Output that a shell may leave untaken because the peer does not read: a table of 50,000 nodes fits in.
 *
 * Past it the peer is cut. Deliveries do not count: they wait in their outboxes.
 */
export const UNREAD_BYTES_MAX = 16 * 1024 * 1024;

/** A shorter period, from a parameter near 0, would only keep the processor busy. */
const PERIOD_S_MIN = 0.001;

/** Frames to write. */
export class Output {
  constructor() {
    /** @type {string[]} */
    this.frames = [];
    this.sizeBytes = 0;
  }

  /** @param {string} frame */
  add(frame) {
    this.frames.push(frame);
    this.sizeBytes += sizeBytes(frame);
  }

  /** All frames; there are none afterwards. */
  take() {
    const frames = this.frames;
    this.frames = [];
    this.sizeBytes = 0;
    return frames;
  }
}

/** States, flags, timers and leases of one endpoint. */
export class Machines {
  /**
   * @param {import("./tables.js").Role} role
   * @param {{ hooks: any, params: Record<string, number>, flags: Record<string, boolean> }} scope
   * @param {import("./leases.js").SharedLeases | null} shared
   * @param {import("./endpoint.js").Counters} counters
   */
  constructor(role, scope, shared, counters) {
    this._role = role;
    this._machines = role.machines;
    this._scope = scope;
    this._shared = shared;
    this._counters = counters;
    /** How often each part changed its state: tells whether an action did. */
    this._entries = role.machines.map(() => 0);
    /** @type {(string | null)[]} */
    this.states = role.machines.map(() => null);
    /** On this connection. */
    this.wasLive = role.machines.map(() => false);
    this.schedule = new Schedule();
    this.output = new Output();
    /** True while there is a connection on which nobody has hung up. */
    this.isUp = false;
    this.hangingUp = false;
    /** Called when a part's `enter` has run. @type {(index: number) => void} */
    this.onStarted = () => {};
    /** @type {(index: number) => void} */
    this.onEnded = () => {};
    /** @type {Map<string, { index: number, scope: string }>} */
    this._leases = new Map();
    role.machines.forEach((machine, index) => {
      Object.assign(scope.flags, machine.sessionFlags, machine.connectionFlags);
      for (const [lease, scopeName] of Object.entries(machine.leases)) this._leases.set(lease, { index, scope: scopeName });
    });
  }

  /** True if the role has leases that only its endpoints together can hold. */
  get needsShared() {
    return [...this._leases.values()].some((one) => one.scope === "shared");
  }

  /**
   * A connection stands: the protocol's machine starts, and with it the parts.
   *
   * @param {number} now
   * @param {unknown[]} errors
   */
  start(now, errors) {
    for (const machine of this._machines) Object.assign(this._scope.flags, machine.connectionFlags);
    this.wasLive.fill(false);
    this.output.take();
    this.isUp = true;
    this.hangingUp = false;
    this._begin(0, this._machine(0).start, now, errors);
  }

  /** The connection is gone, or going: no part is live, and nothing that belongs to it is due any more. */
  end() {
    this.isUp = false;
    for (let index = 0; index < this.states.length; index += 1) this._end(index);
    for (const key of this.schedule.keys()) {
      if (key.startsWith("lease ") && this._lease(leaseOf(key).lease).scope === "connection") this.schedule.remove(key);
    }
  }

  /** End everything, and have the connection closed when what was sent is written. */
  hangUp() {
    if (!this.isUp) return;
    this.end();
    this.hangingUp = true;
  }

  /**
   * Send the protocol's close message, if it has one and it can be written, and hang up.
   *
   * @param {string} code
   * @param {string} title
   */
  fail(code, title) {
    if (this.isUp && this._role.close !== null) {
      try {
        this.send(this._role.close(code, title));
      } catch (error) {
        if (!(error instanceof UnsendableMessage)) throw error;
        this._counters.unsent += 1;
      }
    }
    this.hangUp();
  }

  /**
   * Write a message; it is dropped and counted if there is no connection to write it on.
   *
   * @param {any} message
   */
  send(message) {
    const frame = this._role.codec.encode(message);
    if (this.isUp) this.write(frame);
    else this._counters.unsent += 1;
  }

  /**
   * Write a frame; if there are too many that nobody reads, drop them all and end the connection.
   *
   * @param {string} frame
   */
  write(frame) {
    this.output.add(frame);
    if (this.output.sizeBytes > UNREAD_BYTES_MAX) {
      this._counters.overruns += 1;
      this.output.take();
      this.fail("slow_consumer", `more than ${UNREAD_BYTES_MAX} bytes were not read`);
    }
  }

  /**
   * Run a transition that `step` chose, by the rules of this module.
   *
   * @param {number} index of the part
   * @param {Transition} transition
   * @param {readonly unknown[]} args
   * @param {number} now
   * @param {unknown[]} errors
   */
  run(index, transition, args, now, errors) {
    const { target } = transition;
    let entry = 0;
    if (target !== undefined) {
      this._leave(index);
      this.states[index] = target;
      entry = this._enteredOnceMore(index);
      if (index === 0) this._endParts(target);
    }
    for (const action of transition.actions ?? []) {
      try {
        this._perform(action, args, now, errors);
      } catch (error) {
        errors.push(error);
      }
    }
    if (target !== undefined && this._entries[index] === entry) this._entered(index, now, errors);
  }

  /**
   * A timer or a lease is due.
   *
   * @param {string} key
   * @param {number} at
   * @param {number} now
   * @param {unknown[]} errors
   */
  due(key, at, now, errors) {
    if (key.startsWith("lease ")) {
      const { lease, key: of } = leaseOf(key);
      this._runInput(this._lease(lease).index, `lapse ${lease.slice(lease.indexOf(".") + 1)}`, [of], now, errors);
      return;
    }
    const [, place, kind, number] = key.split(" ");
    const index = Number(place);
    const input = `${kind} ${number}`;
    const timer = this._timers(index).find((one) => one.input === input);
    if (timer?.repeat) {
      const period = this._period(timer);
      const again = at + period * (Math.floor((now - at) / period) + 1);
      this.schedule.set(key, again > now ? again : again + period); // rounding may fall short of now
    }
    this._runInput(index, input, [], now, errors);
  }

  /**
   * @param {number} index
   * @param {string} input
   * @param {readonly unknown[]} args
   * @param {number} now
   * @param {unknown[]} errors
   */
  _runInput(index, input, args, now, errors) {
    let transition;
    try {
      transition = step(this._machine(index), this._state(index), input, this._scope, args);
    } catch (error) {
      errors.push(error);
      return;
    }
    this.run(index, transition, args, now, errors);
  }

  // --- states ---------------------------------------------------------------------------------------

  /**
   * @param {number} index
   * @param {string} state
   * @param {number} now
   * @param {unknown[]} errors
   */
  _begin(index, state, now, errors) {
    this.wasLive[index] = true;
    this.states[index] = state;
    this._enteredOnceMore(index);
    this._entered(index, now, errors);
  }

  /**
   * @param {number} index
   * @param {number} now
   * @param {unknown[]} errors
   */
  _entered(index, now, errors) {
    const state = /** @type {string} */ (this._state(index));
    const entry = this._entries[index];
    for (const timer of this._timers(index)) {
      const delay = timer.repeat ? this._period(timer) : timer.delayS(this._scope);
      this.schedule.set(timerKey(index, timer), now + delay);
    }
    if (this._machine(index).states[state]?.["enter"] !== undefined) this._runInput(index, "enter", [], now, errors);
    if (this._entries[index] !== entry) return;
    this.onStarted(index);
    if (index !== 0) return;
    for (let part = 1; part < this._machines.length && this._entries[0] === entry; part += 1) {
      const machine = this._machine(part);
      if (this._state(part) === null && machine.liveIn.includes(state)) this._begin(part, machine.start, now, errors);
    }
  }

  /** @param {string} state */
  _endParts(state) {
    for (let index = 1; index < this._machines.length; index += 1) {
      if (!this._machine(index).liveIn.includes(state)) this._end(index);
    }
  }

  /** @param {number} index */
  _end(index) {
    if (this._state(index) === null) return;
    this._leave(index);
    this.states[index] = null;
    this._enteredOnceMore(index);
    this.onEnded(index);
  }

  /** @param {number} index */
  _leave(index) {
    for (const timer of this._timers(index)) this.schedule.remove(timerKey(index, timer));
  }

  /** @param {number} index */
  _enteredOnceMore(index) {
    const entry = (this._entries[index] ?? 0) + 1;
    this._entries[index] = entry;
    return entry;
  }

  /** @param {number} index */
  _state(index) {
    return this.states[index] ?? null;
  }

  /** @param {number} index */
  _machine(index) {
    return /** @type {Machine} */ (this._machines[index]);
  }

  /** @param {string} lease */
  _lease(lease) {
    return /** @type {{ index: number, scope: string }} */ (this._leases.get(lease));
  }

  /**
   * The timers of the state that a part is in.
   *
   * @param {number} index
   */
  _timers(index) {
    const state = this._state(index);
    return state === null ? [] : this._machine(index).timers[state] ?? [];
  }

  /** @param {Timer} timer */
  _period(timer) {
    return Math.max(timer.delayS(this._scope), PERIOD_S_MIN);
  }

  // --- actions --------------------------------------------------------------------------------------

  /**
   * @param {Action} action
   * @param {readonly unknown[]} args
   * @param {number} now
   * @param {unknown[]} errors
   */
  _perform(action, args, now, errors) {
    const scope = this._scope;
    switch (action.kind) {
      case "send":
        if (action.each === null) this.send(action.make(scope, ...args));
        else this._sendEach(action, args, errors);
        break;
      case "tell":
        scope.hooks[action.name](...action.args(scope, ...args));
        break;
      case "set":
        scope.flags[action.flag] = action.value;
        break;
      case "grant":
        this._grant(action.lease, action.key(scope, ...args), now + action.ttlS(scope, ...args));
        break;
      case "release":
        this._release(action.lease, action.key(scope, ...args));
        break;
      case "hangup":
        this.hangUp();
        break;
      case "fail":
        this.fail(action.code, action.code.replaceAll("_", " "));
    }
  }

  /**
   * @param {import("./tables.js").Send} action
   * @param {readonly unknown[]} args
   * @param {unknown[]} errors
   */
  _sendEach(action, args, errors) {
    for (const item of action.each?.(this._scope, ...args)) {
      try {
        this.send(action.make(this._scope, ...args, item));
      } catch (error) {
        errors.push(error);
      }
    }
  }

  /**
   * @param {string} lease
   * @param {string} key
   * @param {number} until
   */
  _grant(lease, key, until) {
    const { scope } = this._lease(lease);
    if (scope === "shared") this._shared?.grant(lease, key, until);
    else if (scope === "session" || this.isUp) this.schedule.set(leaseKey(lease, key), until);
  }

  /**
   * @param {string} lease
   * @param {string} key
   */
  _release(lease, key) {
    if (this._lease(lease).scope === "shared") this._shared?.release(lease, key);
    else this.schedule.remove(leaseKey(lease, key));
  }
}

/**
 * @param {number} index
 * @param {Timer} timer
 */
function timerKey(index, timer) {
  return `timer ${index} ${timer.input}`;
}

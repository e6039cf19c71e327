/** What all connections of one accepting side share: leases that outlive any one of them. */

import { monotonic } from "./clock.js";
import { throwAll } from "./errors.js";
import { Schedule } from "./schedule.js";
import { step } from "./step.js";

/** Lapses in one `tick`; what is left stays due, so that a shell can do other work between. */
const LAPSES_MAX = 1000;

/**
 * How a lease is called in a schedule. `Part.lease` has no line feed; the key may have.
 *
 * @param {string} lease
 * @param {string} key
 */
export const leaseKey = (lease, key) => `lease ${lease}\n${key}`;

/**
 * @param {string} due
 * @returns {{ lease: string, key: string }}
 */
export function leaseOf(due) {
  const end = due.indexOf("\n");
  return { lease: due.slice("lease ".length, end), key: due.slice(end + 1) };
}

/**
 * The shared leases of a role, and what is told when they lapse.
 *
 * Generated classes derive from it. Endpoints grant and release; a shell waits until `deadline` and calls `tick`.
 */
export class SharedLeases {
  /**
   * @param {import("./tables.js").Role} role the accepting side's tables
   * @param {object} handler is told of lapses, without a connection
   * @param {{ clock?: () => number }} [options]
   */
  constructor(role, handler, { clock = monotonic } = {}) {
    this.clock = clock;
    /** @type {import("./tables.js").Scope} */
    this._scope = { hooks: handler, params: role.params, flags: {} };
    this._machines = new Map(role.machines.flatMap((machine) => Object.keys(machine.leases).map((one) => [one, machine])));
    this._schedule = new Schedule();
    /** Set by the shell; called when `deadline` has moved forward. @type {(() => void) | null} */
    this.wake = null;
    /** Leases that lapsed. */
    this.lapsed = 0;
  }

  get size() {
    return this._schedule.size;
  }

  /** When the next lease lapses. */
  get deadline() {
    return this._schedule.deadline;
  }

  /**
   * The keys that a lease (`Part.lease`) is held for.
   *
   * @param {string} lease
   */
  keys(lease) {
    return this._schedule.keys().map(leaseOf).filter((one) => one.lease === lease).map((one) => one.key);
  }

  /**
   * Start a lease or renew it.
   *
   * @param {string} lease
   * @param {string} key
   * @param {number} until
   */
  grant(lease, key, until) {
    const before = this._schedule.deadline;
    this._schedule.set(leaseKey(lease, key), until);
    if (before === null || until < before) this.wake?.();
  }

  /**
   * End a lease without its lapse; there need not be one.
   *
   * @param {string} lease
   * @param {string} key
   */
  release(lease, key) {
    this._schedule.remove(leaseKey(lease, key));
  }

  /** Run the lapses that are due, earliest first; throws what the handler threw when the others have run. */
  tick() {
    const now = this.clock();
    /** @type {unknown[]} */
    const errors = [];
    for (let count = 0; count < LAPSES_MAX; count += 1) {
      const due = this._schedule.popDue(now);
      if (due === null) break;
      this.lapsed += 1;
      const { lease, key } = leaseOf(due.key);
      this._lapse(lease, key, errors);
    }
    throwAll(errors);
  }

  /**
   * @param {string} lease
   * @param {string} key
   * @param {unknown[]} errors
   */
  _lapse(lease, key, errors) {
    const machine = /** @type {import("./tables.js").Machine} */ (this._machines.get(lease));
    const input = `lapse ${lease.slice(lease.indexOf(".") + 1)}`;
    try {
      for (const action of step(machine, null, input, this._scope, [key]).actions ?? []) {
        if (action.kind !== "tell") throw new Error(`a shared lease may only tell and do, not ${action.kind}`);
        try {
          this._scope.hooks[action.name](...action.args(this._scope, key));
        } catch (error) {
          errors.push(error);
        }
      }
    } catch (error) {
      errors.push(error);
    }
  }
}

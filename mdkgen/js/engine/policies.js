/** What a peer may do wrong how often before its connection ends, and how long to wait before the next one. */

import { IllegalMessage, MalformedMessage } from "./errors.js";

/** Counts the peer's offences by kind, and says when the protocol's policy has had enough. */
export class Offences {
  /**
   * @param {import("./tables.js").Role} role
   * @param {import("./endpoint.js").Counters} counters
   */
  constructor(role, counters) {
    this._policies = role.policies;
    this._counters = counters;
    this._inARow = { malformed: 0, illegal: 0, unknown: 0 };
  }

  /** The peer sent something good, or is another one: what is counted in a row starts anew. */
  forgive() {
    this._inARow = { malformed: 0, illegal: 0, unknown: 0 };
  }

  /**
   * Count an offence; the code to close with, or null to drop the message and go on.
   *
   * @param {import("./errors.js").PeerError} offence
   */
  commit(offence) {
    const kind =
      offence instanceof MalformedMessage ? "malformed" : offence instanceof IllegalMessage ? "illegal" : "unknown";
    this._counters[kind] += 1;
    this._inARow[kind] += 1;
    const { dropMax, code } = this._policies[kind];
    return dropMax === null || this._inARow[kind] <= dropMax ? null : code;
  }
}

/** Waits that grow while nothing works, and start anew when the peer has proved itself. */
export class Backoff {
  /**
   * @param {import("./tables.js").Reconnect} policy
   * @param {() => number} random answers a number from 0 to 1; spreads the clients that lost one server
   */
  constructor(policy, random) {
    this._policy = policy;
    this._random = random;
    this._nextS = policy.firstS;
  }

  /** How long to wait now; the next wait will be longer. */
  waitS() {
    const { factor, longestS, jitter } = this._policy;
    const waitS = this._nextS;
    this._nextS = Math.min(waitS * factor, longestS);
    return waitS * (1 + jitter * (2 * this._random() - 1));
  }

  /**
   * The peer said something sensible: the next wait is the first again.
   *
   * A connection alone proves nothing: a server may accept it only to close it.
   */
  proved() {
    this._nextS = this._policy.firstS;
  }
}

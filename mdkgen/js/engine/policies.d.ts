/** Counts the peer's offences by kind, and says when the protocol's policy has had enough. */
export class Offences {
    /**
     * @param {import("./tables.js").Role} role
     * @param {import("./endpoint.js").Counters} counters
     */
    constructor(role: import("./tables.js").Role, counters: import("./endpoint.js").Counters);
    _policies: {
        unknown: import("./tables.js").Policy;
        illegal: import("./tables.js").Policy;
        malformed: import("./tables.js").Policy;
    };
    _counters: import("./endpoint.js").Counters;
    _inARow: {
        malformed: number;
        illegal: number;
        unknown: number;
    };
    /** The peer sent something good, or is another one: what is counted in a row starts anew. */
    forgive(): void;
    /**
     * Count an offence; the code to close with, or null to drop the message and go on.
     *
     * @param {import("./errors.js").PeerError} offence
     */
    commit(offence: import("./errors.js").PeerError): string | null;
}
/** Waits that grow while nothing works, and start anew when the peer has proved itself. */
export class Backoff {
    /**
     * @param {import("./tables.js").Reconnect} policy
     * @param {() => number} random answers a number from 0 to 1; spreads the clients that lost one server
     */
    constructor(policy: import("./tables.js").Reconnect, random: () => number);
    _policy: import("./tables.js").Reconnect;
    _random: () => number;
    _nextS: number;
    /** How long to wait now; the next wait will be longer. */
    waitS(): number;
    /**
     * The peer said something sensible: the next wait is the first again.
     *
     * A connection alone proves nothing: a server may accept it only to close it.
     */
    proved(): void;
}

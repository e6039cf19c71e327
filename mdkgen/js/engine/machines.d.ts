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
export const UNREAD_BYTES_MAX: number;
/** Frames to write. */
export class Output {
    /** @type {string[]} */
    frames: string[];
    sizeBytes: number;
    /** @param {string} frame */
    add(frame: string): void;
    /** All frames; there are none afterwards. */
    take(): string[];
}
/** States, flags, timers and leases of one endpoint. */
export class Machines {
    /**
     * @param {import("./tables.js").Role} role
     * @param {{ hooks: any, params: Record<string, number>, flags: Record<string, boolean> }} scope
     * @param {import("./leases.js").SharedLeases | null} shared
     * @param {import("./endpoint.js").Counters} counters
     */
    constructor(role: import("./tables.js").Role, scope: {
        hooks: any;
        params: Record<string, number>;
        flags: Record<string, boolean>;
    }, shared: import("./leases.js").SharedLeases | null, counters: import("./endpoint.js").Counters);
    _role: import("./tables.js").Role;
    _machines: readonly import("./tables.js").Machine[];
    _scope: {
        hooks: any;
        params: Record<string, number>;
        flags: Record<string, boolean>;
    };
    _shared: import("./leases.js").SharedLeases | null;
    _counters: import("./endpoint.js").Counters;
    /** How often each part changed its state: tells whether an action did. */
    _entries: number[];
    /** @type {(string | null)[]} */
    states: (string | null)[];
    /** On this connection. */
    wasLive: boolean[];
    schedule: Schedule;
    output: Output;
    /** True while there is a connection on which nobody has hung up. */
    isUp: boolean;
    hangingUp: boolean;
    /** Called when a part's `enter` has run. @type {(index: number) => void} */
    onStarted: (index: number) => void;
    /** @type {(index: number) => void} */
    onEnded: (index: number) => void;
    /** @type {Map<string, { index: number, scope: string }>} */
    _leases: Map<string, {
        index: number;
        scope: string;
    }>;
    /** True if the role has leases that only its endpoints together can hold. */
    get needsShared(): boolean;
    /**
     * A connection stands: the protocol's machine starts, and with it the parts.
     *
     * @param {number} now
     * @param {unknown[]} errors
     */
    start(now: number, errors: unknown[]): void;
    /** The connection is gone, or going: no part is live, and nothing that belongs to it is due any more. */
    end(): void;
    /** End everything, and have the connection closed when what was sent is written. */
    hangUp(): void;
    /**
     * Send the protocol's close message, if it has one and it can be written, and hang up.
     *
     * @param {string} code
     * @param {string} title
     */
    fail(code: string, title: string): void;
    /**
     * Write a message; it is dropped and counted if there is no connection to write it on.
     *
     * @param {any} message
     */
    send(message: any): void;
    /**
     * Write a frame; if there are too many that nobody reads, drop them all and end the connection.
     *
     * @param {string} frame
     */
    write(frame: string): void;
    /**
     * Run a transition that `step` chose, by the rules of this module.
     *
     * @param {number} index of the part
     * @param {Transition} transition
     * @param {readonly unknown[]} args
     * @param {number} now
     * @param {unknown[]} errors
     */
    run(index: number, transition: Transition, args: readonly unknown[], now: number, errors: unknown[]): void;
    /**
     * A timer or a lease is due.
     *
     * @param {string} key
     * @param {number} at
     * @param {number} now
     * @param {unknown[]} errors
     */
    due(key: string, at: number, now: number, errors: unknown[]): void;
    /**
     * @param {number} index
     * @param {string} input
     * @param {readonly unknown[]} args
     * @param {number} now
     * @param {unknown[]} errors
     */
    _runInput(index: number, input: string, args: readonly unknown[], now: number, errors: unknown[]): void;
    /**
     * @param {number} index
     * @param {string} state
     * @param {number} now
     * @param {unknown[]} errors
     */
    _begin(index: number, state: string, now: number, errors: unknown[]): void;
    /**
     * @param {number} index
     * @param {number} now
     * @param {unknown[]} errors
     */
    _entered(index: number, now: number, errors: unknown[]): void;
    /** @param {string} state */
    _endParts(state: string): void;
    /** @param {number} index */
    _end(index: number): void;
    /** @param {number} index */
    _leave(index: number): void;
    /** @param {number} index */
    _enteredOnceMore(index: number): number;
    /** @param {number} index */
    _state(index: number): string | null;
    /** @param {number} index */
    _machine(index: number): Machine;
    /** @param {string} lease */
    _lease(lease: string): {
        index: number;
        scope: string;
    };
    /**
     * The timers of the state that a part is in.
     *
     * @param {number} index
     */
    _timers(index: number): readonly import("./tables.js").Timer[];
    /** @param {Timer} timer */
    _period(timer: Timer): number;
    /**
     * @param {Action} action
     * @param {readonly unknown[]} args
     * @param {number} now
     * @param {unknown[]} errors
     */
    _perform(action: Action, args: readonly unknown[], now: number, errors: unknown[]): void;
    /**
     * @param {import("./tables.js").Send} action
     * @param {readonly unknown[]} args
     * @param {unknown[]} errors
     */
    _sendEach(action: import("./tables.js").Send, args: readonly unknown[], errors: unknown[]): void;
    /**
     * @param {string} lease
     * @param {string} key
     * @param {number} until
     */
    _grant(lease: string, key: string, until: number): void;
    /**
     * @param {string} lease
     * @param {string} key
     */
    _release(lease: string, key: string): void;
}
export type Action = import("./tables.js").Action;
export type Machine = import("./tables.js").Machine;
export type Timer = import("./tables.js").Timer;
export type Transition = import("./tables.js").Transition;
import { Schedule } from "./schedule.js";

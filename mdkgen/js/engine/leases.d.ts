/**
 * @param {string} due
 * @returns {{ lease: string, key: string }}
 */
export function leaseOf(due: string): {
    lease: string;
    key: string;
};
export function leaseKey(lease: string, key: string): string;
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
    constructor(role: import("./tables.js").Role, handler: object, { clock }?: {
        clock?: () => number;
    });
    clock: () => number;
    /** @type {import("./tables.js").Scope} */
    _scope: import("./tables.js").Scope;
    _machines: Map<string, import("./tables.js").Machine>;
    _schedule: Schedule;
    /** Set by the shell; called when `deadline` has moved forward. @type {(() => void) | null} */
    wake: (() => void) | null;
    /** Leases that lapsed. */
    lapsed: number;
    get size(): number;
    /** When the next lease lapses. */
    get deadline(): number | null;
    /**
     * The keys that a lease (`Part.lease`) is held for.
     *
     * @param {string} lease
     */
    keys(lease: string): string[];
    /**
     * Start a lease or renew it.
     *
     * @param {string} lease
     * @param {string} key
     * @param {number} until
     */
    grant(lease: string, key: string, until: number): void;
    /**
     * End a lease without its lapse; there need not be one.
     *
     * @param {string} lease
     * @param {string} key
     */
    release(lease: string, key: string): void;
    /** Run the lapses that are due, earliest first; throws what the handler threw when the others have run. */
    tick(): void;
    /**
     * @param {string} lease
     * @param {string} key
     * @param {unknown[]} errors
     */
    _lapse(lease: string, key: string, errors: unknown[]): void;
}
import { Schedule } from "./schedule.js";

/** Counts since the endpoint was made, over all its connections. */
export class Counters {
    /** Messages taken. */
    received: number;
    unknown: number;
    illegal: number;
    malformed: number;
    /** Messages that came after the hang-up, or for a part that had just ended. */
    discarded: number;
    /** Messages that were to be sent while there was no connection to send them on; close messages that cannot be written. */
    unsent: number;
    /** Connections ended because the peer did not read. */
    overruns: number;
    connections: number;
    /** How often a message came under another name, by that name. @type {Map<string, number>} */
    aliases: Map<string, number>;
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
    constructor(role: Role, handler: object, { params, shared, random, clock }?: EndpointOptions);
    /** The tables. */
    role: import("./tables.js").Role;
    /** Seconds, as every time of this endpoint. */
    clock: () => number;
    counters: Counters;
    _scope: {
        hooks: object;
        params: {
            [x: string]: number;
        };
        flags: {};
    };
    _machines: Machines;
    _index: Map<string, number>;
    _offences: Offences;
    _backoff: Backoff | null;
    _senders: Senders;
    /** What the engine does with a message by itself, by its name. @type {Map<string, Received>} */
    _received: Map<string, Received>;
    _pending: Map<string, PendingRequests>;
    _wanted: boolean;
    /** Inputs of the shell that are running: it looks at the outputs afterwards by itself. */
    _inside: number;
    /** What the shell has been woken for since it last looked: 1 output, 2 a hang-up, which output does not hide. */
    _wokenFor: number;
    /** @type {number | null} */
    _seenDeadline: number | null;
    _isLinked: boolean;
    /** When the shell shall connect; null for: not at all, or it has. @type {number | null} */
    connectAt: number | null;
    /** Set by the shell; called when a call has made output or moved the deadline forward by itself. @type {(() => void) | null} */
    wake: (() => void) | null;
    /** Set by the shell; told of every frame that is not taken, for its log. @type {((offence: PeerError) => void) | null} */
    onOffence: ((offence: PeerError) => void) | null;
    /** Frames to write as text, in order. Call until it answers none: a long backlog comes in pieces. */
    takeOutput(): string[];
    /** True when the shell shall close the connection as soon as the output is written. */
    get hangingUp(): boolean;
    /** When `tick` has something to do; null if never. */
    get deadline(): number | null;
    /** True between `connected` and `lost`, unless one side has hung up. */
    get isConnected(): boolean;
    /** A connection stands. */
    connected(): void;
    /**
     * A frame came. Whatever it holds, no error of the peer's leaves this method.
     *
     * @param {unknown} frame text; anything else is a binary frame
     */
    receive(frame: unknown): void;
    /** The connection is gone, whoever closed it. */
    lost(): void;
    /** Run what is due, earliest first. */
    tick(): void;
    /** Want a connection, from now on and again after each loss. */
    start(): void;
    /** Want no connection any more; one that stands is closed when the output is written. */
    stop(): void;
    /** The shell could not connect. */
    connectFailed(): void;
    /**
     * Make a call of the spec.
     *
     * @param {string} part
     * @param {string} name
     * @param {...unknown} args
     * @throws {IllegalCall} the state does not allow it; nothing was changed
     * @throws {UnsendableMessage} a message that it sends cannot be written; the rest of the call was done
     */
    call(part: string, name: string, ...args: unknown[]): void;
    /**
     * Number a message, keep it until it is acknowledged, write it when its part is live; returns its number.
     *
     * @param {string} delivery
     * @param {any} message
     * @returns {number}
     * @throws {UnsendableMessage} it cannot be written, or is larger than the whole outbox; no number was used
     */
    deliver(delivery: string, message: any): number;
    /**
     * Tell the peer that a message is safe. Without a connection nothing is said: the peer will send it again.
     *
     * @param {string} delivery
     * @param {number} number
     */
    acknowledge(delivery: string, number: number): void;
    /**
     * Ask. Exactly one of the two is called once: `onError` at once if nothing can be asked now.
     *
     * @param {string} name
     * @param {any} message
     * @param {(reply: any) => void} onReply
     * @param {(failure: RequestFailed) => void} onError
     * @throws {UnsendableMessage} the question cannot be written; neither will be called
     */
    request(name: string, message: any, onReply: (reply: any) => void, onError: (failure: RequestFailed) => void): void;
    /**
     * The same as a promise of the answer; it is rejected with what `onError` would get.
     *
     * @param {string} name
     * @param {any} message
     * @returns {Promise<any>}
     */
    ask(name: string, message: any): Promise<any>;
    /**
     * Answer a question. Without the connection on which it came nothing is said.
     *
     * @param {string} name
     * @param {any} question
     * @param {any} reply
     */
    reply(name: string, question: any, reply: any): void;
    /**
     * Where a part is; null while it is not live.
     *
     * @param {string} part
     */
    state(part: string): string | null;
    /**
     * What waits for its acknowledgement.
     *
     * @param {string} delivery
     */
    outbox(delivery: string): import("./outbox.js").Outbox;
    /**
     * Questions that wait for their answers.
     *
     * @param {string} request
     */
    pending(request: string): PendingRequests;
    /**
     * @param {any} message
     * @param {unknown[]} errors
     */
    _take(message: any, errors: unknown[]): void;
    /**
     * A batch comes as the messages that it holds, as long as their part is live.
     *
     * @param {number} index
     * @param {Delivery} delivery
     * @param {readonly any[]} items
     * @param {unknown[]} errors
     */
    _unpack(index: number, delivery: Delivery, items: readonly any[], errors: unknown[]): void;
    /**
     * @param {Received} received
     * @param {any} message
     * @param {unknown[]} errors
     */
    _settle({ ackOf, replyTo, batch }: Received, message: any, errors: unknown[]): void;
    /** @param {PeerError} offence */
    _offend(offence: PeerError): void;
    _retry(): void;
    /** @param {string} name */
    _countAlias(name: string): void;
    /** @param {(errors: unknown[]) => void} act */
    _input(act: (errors: unknown[]) => void): void;
    /** @param {boolean} [force] */
    _notify(force?: boolean): void;
    /** @param {string} part */
    _place(part: string): number;
    /** @param {string} request */
    _asked(request: string): PendingRequests;
}
export type Delivery = import("./tables.js").Delivery;
export type Request = import("./tables.js").Request;
export type Role = import("./tables.js").Role;
export type SharedLeases = import("./leases.js").SharedLeases;
export type EndpointOptions = {
    /**
     * the spec's parameters that differ from their defaults
     */
    params?: Readonly<Record<string, number>> | undefined;
    /**
     * what the accepting side's endpoints have in common, where the spec has shared leases
     */
    shared?: import("./leases.js").SharedLeases | null | undefined;
    /**
     * for jitter; answers numbers from 0 to 1
     */
    random?: (() => number) | undefined;
    /**
     * seconds on any clock that never goes back
     */
    clock?: (() => number) | undefined;
};
/**
 * What the engine does with a message by itself.
 */
export type Received = {
    /**
     * true if the tables need not take it, because the engine does: an ack, a reply or a batch
     */
    byEngine: boolean;
    ackOf?: import("./tables.js").Delivery | undefined;
    replyTo?: import("./tables.js").Request | undefined;
    /**
     * it is a batch or acknowledges one: legal in the batch's states only
     */
    batch?: import("./tables.js").Batch | undefined;
    /**
     * whose batch it is
     */
    unpacks?: import("./tables.js").Delivery | undefined;
    /**
     * it is one of a delivery's whose messages also come in batches
     */
    delivery?: import("./tables.js").Delivery | undefined;
};
import { Machines } from "./machines.js";
import { Offences } from "./policies.js";
import { Backoff } from "./policies.js";
import { Senders } from "./senders.js";
import { PendingRequests } from "./requests.js";
import { PeerError } from "./errors.js";
import { RequestFailed } from "./errors.js";

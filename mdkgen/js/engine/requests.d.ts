/** Questions that wait for their answers. */
/** @typedef {{ onReply: (reply: any) => void, onError: (failure: import("./errors.js").RequestFailed) => void }} Waiting */
/** The asking side of one request. Numbers count from 1 and go on over reconnects. */
export class PendingRequests {
    /** @param {import("./tables.js").Request} request */
    constructor(request: import("./tables.js").Request);
    request: import("./tables.js").Request;
    /** The number of the next question. */
    nextNumber: number;
    /** @type {Map<unknown, Waiting>} */
    _waiting: Map<unknown, Waiting>;
    /** Answers to what had timed out, was answered before, or never asked. */
    lateReplies: number;
    get size(): number;
    /** True if no other question may wait. */
    get isFull(): boolean;
    /**
     * Wait for an answer; returns the question's number.
     *
     * @param {Waiting} waiting
     */
    add(waiting: Waiting): number;
    /**
     * Stop waiting; undefined for a number that nobody waits for.
     *
     * @param {unknown} number
     */
    take(number: unknown): Waiting | undefined;
    /** Stop waiting for anything. */
    takeAll(): [unknown, Waiting][];
}
export type Waiting = {
    onReply: (reply: any) => void;
    onError: (failure: import("./errors.js").RequestFailed) => void;
};

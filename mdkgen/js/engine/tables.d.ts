export function send(message: string, make: Expression, each?: Expression | null): Send;
export function tell(name: string, args: Expression): Tell;
export function setFlag(flag: string, value: boolean): SetFlag;
export function grant(lease: string, key: Expression, ttlS: Expression): Grant;
export function release(lease: string, key: Expression): Release;
export function hangup(): Hangup;
export function fail(code: string): Fail;
export type Scope = {
    /**
     * the application's handler
     */
    hooks: any;
    /**
     * numbers
     */
    params: Readonly<Record<string, any>>;
    /**
     * keys are `Part.flag`
     */
    flags: Readonly<Record<string, boolean>>;
};
export type Expression = (x: Scope, ...args: any[]) => any;
export type Send = {
    kind: "send";
    message: string;
    make: Expression;
    each: Expression | null;
};
/**
 * calls the handler, an event or a hook without answer
 */
export type Tell = {
    kind: "tell";
    name: string;
    args: Expression;
};
export type SetFlag = {
    kind: "set";
    flag: string;
    value: boolean;
};
export type Grant = {
    kind: "grant";
    lease: string;
    key: Expression;
    ttlS: Expression;
};
export type Release = {
    kind: "release";
    lease: string;
    key: Expression;
};
export type Hangup = {
    kind: "hangup";
};
export type Fail = {
    kind: "fail";
    code: string;
};
export type Action = Send | Tell | SetFlag | Grant | Release | Hangup | Fail;
/**
 * Actions in order. The new state holds before the first of them; its timers and `enter` come after the last.
 */
export type Transition = {
    /**
     * where the spec says it: `discovery.mdkspec:42`
     */
    source: string;
    actions?: readonly Action[] | undefined;
    /**
     * the next state; without one it stays, and nothing is armed anew
     */
    target?: string | undefined;
    guard?: Expression | undefined;
};
/**
 * Input to its transitions, of which the first whose guard holds is taken.
 *
 * Inputs are `enter`, `recv Open`, `call register`, `lapse nodes`, `after 0`, `every 0` (the n-th timer of its state).
 * A message or call that a state ignores has a last transition without guard and actions.
 */
export type Inputs = Readonly<Record<string, readonly Transition[]>>;
export type Timer = {
    input: string;
    delayS: (x: Scope) => number;
    repeat: boolean;
};
/**
 * One role's side of one part.
 */
export type Machine = {
    part: string;
    start: string;
    states: Readonly<Record<string, Inputs>>;
    /**
     * in every state that has no transition of its own, and while the part is not live
     */
    always: Inputs;
    timers: Readonly<Record<string, readonly Timer[]>>;
    /**
     * states of the protocol's own machine; empty for that machine itself
     */
    liveIn: readonly string[];
    /**
     * keys are `Part.flag`
     */
    sessionFlags: Readonly<Record<string, boolean>>;
    connectionFlags: Readonly<Record<string, boolean>>;
    /**
     * keys are `Part.lease`
     */
    leases: Readonly<Record<string, "connection" | "session" | "shared">>;
};
/**
 * A delivery's messages in one frame, in states of the protocol's own machine in which both sides know it.
 */
export type Batch = {
    message: string;
    /**
     * the list that holds them; the message has nothing else
     */
    field: string;
    countMax: number;
    /**
     * acknowledges all up to a number
     */
    ack: string;
    ackNumber: string;
    states: readonly string[];
    make: (items: any[]) => any;
    makeAck: (number: number) => any;
};
/**
 * Messages of one kind, numbered, kept until acknowledged, sent again on connect.
 */
export type Delivery = {
    name: string;
    part: string;
    sender: string;
    message: string;
    number: string;
    first: number;
    ack: string;
    ackNumber: string;
    ackMode: "each" | "upto";
    resend: boolean;
    countMax: number;
    sizeBytesMax: number;
    overflow: "drop_oldest" | "drop_newest";
    makeAck: (number: number) => any;
    batch: Batch | null;
};
/**
 * A question and its answer, paired by a number that the asking side gives.
 */
export type Request = {
    name: string;
    part: string;
    sender: string;
    message: string;
    number: string;
    reply: string;
    replyNumber: string;
    timeoutS: (x: Scope) => number;
    pendingMax: number;
};
/**
 * `dropMax` in a row are dropped, the next one fails the connection; null drops for ever.
 */
export type Policy = {
    dropMax: number | null;
    code: string;
};
/**
 * Waits of the connecting role: from first to longest, times `factor` each, and +- `jitter` of it.
 */
export type Reconnect = {
    firstS: number;
    longestS: number;
    factor: number;
    jitter: number;
};
/**
 * All that one side of a protocol may do.
 */
export type Role = {
    protocol: string;
    role: string;
    peer: string;
    connects: boolean;
    path: string;
    /**
     * the protocol's own first, then its parts in the order in which they start
     */
    machines: readonly Machine[];
    /**
     * message to the part that takes it, acks and replies included
     */
    receives: Readonly<Record<string, string>>;
    deliveries: readonly Delivery[];
    requests: readonly Request[];
    /**
     * numbers
     */
    params: Readonly<Record<string, any>>;
    policies: {
        unknown: Policy;
        illegal: Policy;
        malformed: Policy;
    };
    /**
     * makes the message that `fail` sends
     */
    close: ((code: string, title: string) => any) | null;
    reconnect: Reconnect | null;
    codec: import("./codec.js").Codec;
};

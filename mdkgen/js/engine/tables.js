/**
 * What a generated package fills with facts: what the checker checked is what `step` reads.
 *
 * Functions in a table take a `Scope` first, then what came with the input: the message of a `recv`, the arguments of
 * a `call`, the key of a `lapse`.
 */

/**
 * @typedef {object} Scope
 * @property {any} hooks the application's handler
 * @property {Readonly<Record<string, any>>} params numbers
 * @property {Readonly<Record<string, boolean>>} flags keys are `Part.flag`
 */

/** @typedef {(x: Scope, ...args: any[]) => any} Expression */

/**
 * @typedef {{ kind: "send", message: string, make: Expression, each: Expression | null }} Send
 * @typedef {{ kind: "tell", name: string, args: Expression }} Tell calls the handler, an event or a hook without answer
 * @typedef {{ kind: "set", flag: string, value: boolean }} SetFlag
 * @typedef {{ kind: "grant", lease: string, key: Expression, ttlS: Expression }} Grant
 * @typedef {{ kind: "release", lease: string, key: Expression }} Release
 * @typedef {{ kind: "hangup" }} Hangup
 * @typedef {{ kind: "fail", code: string }} Fail
 * @typedef {Send | Tell | SetFlag | Grant | Release | Hangup | Fail} Action
 */

/**
 * Actions in order. The new state holds before the first of them; its timers and `enter` come after the last.
 *
 * @typedef {object} Transition
 * @property {string} source where the spec says it: `discovery.mdkspec:42`
 * @property {readonly Action[]} [actions]
 * @property {string} [target] the next state; without one it stays, and nothing is armed anew
 * @property {Expression} [guard]
 */

/**
 * Input to its transitions, of which the first whose guard holds is taken.
 *
 * Inputs are `enter`, `recv Open`, `call register`, `lapse nodes`, `after 0`, `every 0` (the n-th timer of its state).
 * A message or call that a state ignores has a last transition without guard and actions.
 *
 * @typedef {Readonly<Record<string, readonly Transition[]>>} Inputs
 */

/** @typedef {{ input: string, delayS: (x: Scope) => number, repeat: boolean }} Timer */

/**
 * One role's side of one part.
 *
 * @typedef {object} Machine
 * @property {string} part
 * @property {string} start
 * @property {Readonly<Record<string, Inputs>>} states
 * @property {Inputs} always in every state that has no transition of its own, and while the part is not live
 * @property {Readonly<Record<string, readonly Timer[]>>} timers
 * @property {readonly string[]} liveIn states of the protocol's own machine; empty for that machine itself
 * @property {Readonly<Record<string, boolean>>} sessionFlags keys are `Part.flag`
 * @property {Readonly<Record<string, boolean>>} connectionFlags
 * @property {Readonly<Record<string, "connection" | "session" | "shared">>} leases keys are `Part.lease`
 */

/**
 * A delivery's messages in one frame, in states of the protocol's own machine in which both sides know it.
 *
 * @typedef {object} Batch
 * @property {string} message
 * @property {string} field the list that holds them; the message has nothing else
 * @property {number} countMax
 * @property {string} ack acknowledges all up to a number
 * @property {string} ackNumber
 * @property {readonly string[]} states
 * @property {(items: any[]) => any} make
 * @property {(number: number) => any} makeAck
 */

/**
 * Messages of one kind, numbered, kept until acknowledged, sent again on connect.
 *
 * @typedef {object} Delivery
 * @property {string} name
 * @property {string} part
 * @property {string} sender
 * @property {string} message
 * @property {string} number
 * @property {number} first
 * @property {string} ack
 * @property {string} ackNumber
 * @property {"each" | "upto"} ackMode
 * @property {boolean} resend
 * @property {number} countMax
 * @property {number} sizeBytesMax
 * @property {"drop_oldest" | "drop_newest"} overflow
 * @property {(number: number) => any} makeAck
 * @property {Batch | null} batch
 */

/**
 * A question and its answer, paired by a number that the asking side gives.
 *
 * @typedef {object} Request
 * @property {string} name
 * @property {string} part
 * @property {string} sender
 * @property {string} message
 * @property {string} number
 * @property {string} reply
 * @property {string} replyNumber
 * @property {(x: Scope) => number} timeoutS
 * @property {number} pendingMax
 */

/**
 * `dropMax` in a row are dropped, the next one fails the connection; null drops for ever.
 *
 * @typedef {{ dropMax: number | null, code: string }} Policy
 */

/**
 * Waits of the connecting role: from first to longest, times `factor` each, and +- `jitter` of it.
 *
 * @typedef {{ firstS: number, longestS: number, factor: number, jitter: number }} Reconnect
 */

/**
 * All that one side of a protocol may do.
 *
 * @typedef {object} Role
 * @property {string} protocol
 * @property {string} role
 * @property {string} peer
 * @property {boolean} connects
 * @property {string} path
 * @property {readonly Machine[]} machines the protocol's own first, then its parts in the order in which they start
 * @property {Readonly<Record<string, string>>} receives message to the part that takes it, acks and replies included
 * @property {readonly Delivery[]} deliveries
 * @property {readonly Request[]} requests
 * @property {Readonly<Record<string, any>>} params numbers
 * @property {{ unknown: Policy, illegal: Policy, malformed: Policy }} policies
 * @property {((code: string, title: string) => any) | null} close makes the message that `fail` sends
 * @property {Reconnect | null} reconnect
 * @property {import("./codec.js").Codec} codec
 */

/**
 * Send what `make` returns; with `each`, once for every item, which `make` gets as its last argument.
 *
 * @param {string} message
 * @param {Expression} make
 * @param {Expression | null} [each]
 * @returns {Send}
 */
export const send = (message, make, each = null) => ({ kind: "send", message, make, each });

/**
 * Call the handler's method.
 *
 * @param {string} name
 * @param {Expression} args
 * @returns {Tell}
 */
export const tell = (name, args) => ({ kind: "tell", name, args });

/**
 * @param {string} flag
 * @param {boolean} value
 * @returns {SetFlag}
 */
export const setFlag = (flag, value) => ({ kind: "set", flag, value });

/**
 * Start or renew the lease of a key.
 *
 * @param {string} lease
 * @param {Expression} key
 * @param {Expression} ttlS
 * @returns {Grant}
 */
export const grant = (lease, key, ttlS) => ({ kind: "grant", lease, key, ttlS });

/**
 * End the lease of a key without its lapse.
 *
 * @param {string} lease
 * @param {Expression} key
 * @returns {Release}
 */
export const release = (lease, key) => ({ kind: "release", lease, key });

/**
 * Close the connection when what was sent is written.
 *
 * @returns {Hangup}
 */
export const hangup = () => ({ kind: "hangup" });

/**
 * Send the protocol's close message with this code, then hang up.
 *
 * @param {string} code
 * @returns {Fail}
 */
export const fail = (code) => ({ kind: "fail", code });

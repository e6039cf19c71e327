/**
 * Throw what was held back until the machine was in order again: nothing, the one error, or all of them together.
 *
 * @param {unknown[]} errors
 */
export function throwAll(errors: unknown[]): void;
/**
 * The errors of the engine, by what the caller does next.
 *
 *     ProtocolRuntimeError
 *     ├── IllegalCall            fix the call: the state does not allow it; nothing has changed
 *     ├── UnsendableMessage      fix the message: it cannot be written
 *     ├── RequestFailed          ask again, or give up: no answer came
 *     └── PeerError              blame the peer; endpoints answer these by the protocol's policies
 *         ├── MalformedMessage   the frame is no message
 *         ├── UnknownMessage     the specification has no such type
 *         └── IllegalMessage     the state does not take it
 */
/** Characters of a bad frame that an error keeps: enough to recognise it, too few to fill a log. */
export const FRAME_SHOWN_MAX: 200;
/** Every error of the engine. */
export class ProtocolRuntimeError extends Error {
    /** @param {string} text */
    constructor(text: string);
}
/** The application asked for something that the state does not allow; nothing has changed. */
export class IllegalCall extends ProtocolRuntimeError {
    /**
     * @param {string} call
     * @param {string} part
     * @param {string | null} state null while the part is not live
     * @param {readonly string[]} allowed
     */
    constructor(call: string, part: string, state: string | null, allowed: readonly string[]);
    call: string;
    part: string;
    state: string | null;
    allowed: readonly string[];
}
/** A message that JSON or the protocol's bounds cannot hold; nothing has been sent. */
export class UnsendableMessage extends ProtocolRuntimeError {
    /**
     * @param {string} typeName
     * @param {string} problem with the path of the value at fault, where one is
     */
    constructor(typeName: string, problem: string);
    typeName: string;
    problem: string;
}
/** A question that got no answer. */
export class RequestFailed extends ProtocolRuntimeError {
    /**
     * @param {string} request
     * @param {"timeout" | "lost" | "full"} reason
     */
    constructor(request: string, reason: "timeout" | "lost" | "full");
    request: string;
    reason: "timeout" | "full" | "lost";
}
/** Something that the peer should not have sent. */
export class PeerError extends ProtocolRuntimeError {
}
/** A frame that is no message. */
export class MalformedMessage extends PeerError {
    /**
     * @param {string} problem
     * @param {string} [frame] its beginning is kept, for a log
     */
    constructor(problem: string, frame?: string);
    problem: string;
    frame: string;
}
/** A message of a type that the specification does not have. */
export class UnknownMessage extends PeerError {
    typeName: string;
}
/** A message that its receiver's state does not take. */
export class IllegalMessage extends PeerError {
    /**
     * @param {string} message
     * @param {string} part
     * @param {string | null} state null while the part is not live
     * @param {readonly string[]} allowed
     */
    constructor(message: string, part: string, state: string | null, allowed: readonly string[]);
    messageName: string;
    part: string;
    state: string | null;
    allowed: readonly string[];
}

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
export const FRAME_SHOWN_MAX = 200;

/** Characters of what is wrong with it, which may quote a key or a value: it goes into a close message. */
const PROBLEM_SHOWN_MAX = 500;

/** Every error of the engine. */
export class ProtocolRuntimeError extends Error {
  /** @param {string} text */
  constructor(text) {
    super(text);
    this.name = new.target.name;
  }
}

/** The application asked for something that the state does not allow; nothing has changed. */
export class IllegalCall extends ProtocolRuntimeError {
  /**
   * @param {string} call
   * @param {string} part
   * @param {string | null} state null while the part is not live
   * @param {readonly string[]} allowed
   */
  constructor(call, part, state, allowed) {
    super(`the call '${call}' is not allowed ${where(part, state)}; allowed: ${listed(allowed)}`);
    this.call = call;
    this.part = part;
    this.state = state;
    this.allowed = allowed;
  }
}

/** A message that JSON or the protocol's bounds cannot hold; nothing has been sent. */
export class UnsendableMessage extends ProtocolRuntimeError {
  /**
   * @param {string} typeName
   * @param {string} problem with the path of the value at fault, where one is
   */
  constructor(typeName, problem) {
    super(`${typeName} cannot be sent: ${problem}`);
    this.typeName = typeName;
    this.problem = problem;
  }
}

const REASONS = {
  timeout: "no answer came in time",
  lost: "there is no connection, or it was lost before the answer came",
  full: "too many questions wait for their answers already",
};

/** A question that got no answer. */
export class RequestFailed extends ProtocolRuntimeError {
  /**
   * @param {string} request
   * @param {"timeout" | "lost" | "full"} reason
   */
  constructor(request, reason) {
    super(`the request '${request}' failed: ${REASONS[reason]}`);
    this.request = request;
    this.reason = reason;
  }
}

/** Something that the peer should not have sent. */
export class PeerError extends ProtocolRuntimeError {}

/** A frame that is no message. */
export class MalformedMessage extends PeerError {
  /**
   * @param {string} problem
   * @param {string} [frame] its beginning is kept, for a log
   */
  constructor(problem, frame = "") {
    const shown = shortened(problem);
    super(`malformed message: ${shown}`);
    this.problem = shown;
    this.frame = frame.slice(0, FRAME_SHOWN_MAX);
  }
}

/** A message of a type that the specification does not have. */
export class UnknownMessage extends PeerError {
  /** @param {string} typeName */
  constructor(typeName) {
    const shown = typeName.slice(0, FRAME_SHOWN_MAX);
    super(`unknown message type '${shown}'`);
    this.typeName = shown;
  }
}

/** A message that its receiver's state does not take. */
export class IllegalMessage extends PeerError {
  /**
   * @param {string} message
   * @param {string} part
   * @param {string | null} state null while the part is not live
   * @param {readonly string[]} allowed
   */
  constructor(message, part, state, allowed) {
    super(`${message} is not allowed ${where(part, state)}; allowed: ${listed(allowed)}`);
    this.messageName = message;
    this.part = part;
    this.state = state;
    this.allowed = allowed;
  }
}

/**
 * Throw what was held back until the machine was in order again: nothing, the one error, or all of them together.
 *
 * @param {unknown[]} errors
 */
export function throwAll(errors) {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, "the handler threw several errors");
}

/**
 * Both ends of a text that is too long: the place of a fault stands behind what is quoted.
 *
 * @param {string} text
 */
function shortened(text) {
  if (text.length <= PROBLEM_SHOWN_MAX) return text;
  const half = Math.floor((PROBLEM_SHOWN_MAX - " ... ".length) / 2);
  return `${text.slice(0, half)} ... ${text.slice(-half)}`;
}

/**
 * @param {string} part
 * @param {string | null} state
 */
function where(part, state) {
  return state === null ? `while ${part} is not live` : `in state '${state}' of ${part}`;
}

/** @param {readonly string[]} names */
function listed(names) {
  return names.join(", ") || "nothing";
}

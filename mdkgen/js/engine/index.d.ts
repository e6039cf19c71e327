export { Codec } from "./codec.js";
export { SharedLeases } from "./leases.js";
export { Outbox } from "./outbox.js";
export { Counters, Endpoint } from "./endpoint.js";
export { IllegalCall, IllegalMessage, MalformedMessage, PeerError, ProtocolRuntimeError, RequestFailed, UnknownMessage, UnsendableMessage } from "./errors.js";
export { accept, connect, keep } from "./link.js";

/** The engine under any protocol that mdkgen generates: no message, state or number of its own. */

export { Codec } from "./codec.js";
export { Counters, Endpoint } from "./endpoint.js";
export {
  IllegalCall,
  IllegalMessage,
  MalformedMessage,
  PeerError,
  ProtocolRuntimeError,
  RequestFailed,
  UnknownMessage,
  UnsendableMessage,
} from "./errors.js";
export { SharedLeases } from "./leases.js";
export { accept, connect, keep } from "./link.js";
export { Outbox } from "./outbox.js";

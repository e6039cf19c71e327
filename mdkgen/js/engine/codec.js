/** Messages as JSON text and back: the plain way first, the forgiving way only when that fails. */

import { MalformedMessage, UnknownMessage, UnsendableMessage } from "./errors.js";
import { TypeProblem, kind, readStruct, writeStruct } from "./types.js";

/**
 * @template T
 * @typedef {import("./types.js").Struct<T>} Struct
 */

/** A string, or a bare word that JSON does not have but others write. */
const STRING_OR_NOT_A_NUMBER = /"(?:[^"\\]|\\.)*"|\bNaN\b|\bInfinity\b/gs;
/** Half of a surrogate pair, as an escape or as such. */
const MAYBE_LONE_SURROGATE = /\\u[dD][89a-fA-F]|\p{Surrogate}/u;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const UTF8 = new TextEncoder();

/** Reads and writes the messages of one specification. */
export class Codec {
  /**
   * @param {object} options
   * @param {string} options.tag the JSON key that names a message's type
   * @param {readonly Struct<any>[]} options.messages
   * @param {Readonly<Record<string, Struct<any>>>} options.aliases other type names that are read
   * @param {number} options.messageBytesMax the longest frame that is read or written
   */
  constructor({ tag, messages, aliases, messageBytesMax }) {
    this.tag = tag;
    this.messages = messages;
    this.messageBytesMax = messageBytesMax;
    /** @type {Map<string, Struct<any>>} */
    this._types = new Map(messages.map((one) => [String(one.wireName), one]));
    this._aliases = new Map(Object.entries(aliases));
  }

  /**
   * The message of a frame.
   *
   * @param {string} frame JSON text
   * @param {(name: string) => void} [onAlias] called with the type name if it is an alias
   * @returns {any}
   * @throws {MalformedMessage} not a JSON object with a type name, too long, too deep, or of wrong types
   * @throws {UnknownMessage} the specification has no message of this type name
   */
  decode(frame, onAlias) {
    const value = this._parse(frame);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new MalformedMessage(`expected a JSON object, got ${kind(value)}`, frame);
    }
    if (!Object.hasOwn(value, this.tag)) {
      throw new MalformedMessage(`the object has no '${this.tag}', which names the message's type`, frame);
    }
    const name = /** @type {Record<string, unknown>} */ (value)[this.tag];
    if (typeof name !== "string") {
      const problem = `'${this.tag}' names the message's type and must be a string, got ${kind(name)}`;
      throw new MalformedMessage(problem, frame);
    }
    const known = this._types.get(name);
    const type = known ?? this._aliases.get(name);
    if (type === undefined) throw new UnknownMessage(name);
    const message = this._read(type, value, frame);
    if (known === undefined) onAlias?.(name);
    return message;
  }

  /**
   * The frame of a message.
   *
   * @param {any} message
   * @returns {string}
   * @throws {UnsendableMessage} it does not fit its type, or is too long
   */
  encode(message) {
    const type = /** @type {Struct<any>} */ (message.constructor);
    const frame = this._write(type, message, this.tag);
    const size = sizeBytes(frame);
    if (size > this.messageBytesMax) {
      throw new UnsendableMessage(type.typeName, `${size} bytes as JSON, at most ${this.messageBytesMax} are allowed`);
    }
    return frame;
  }

  /**
   * A record that travels outside of a message; throws as `decode` does.
   *
   * @template T
   * @param {Struct<T>} type
   * @param {string} text
   * @returns {T}
   */
  decodeRecord(type, text) {
    return this._read(type, this._parse(text), text);
  }

  /**
   * A record as JSON; throws as `encode` does.
   *
   * @param {any} record
   * @returns {string}
   */
  encodeRecord(record) {
    return this._write(/** @type {Struct<any>} */ (record.constructor), record);
  }

  /**
   * @param {string} frame
   * @returns {unknown}
   */
  _parse(frame) {
    // A UTF-16 unit is at most three bytes of UTF-8.
    if (frame.length * 3 > this.messageBytesMax && sizeBytes(frame) > this.messageBytesMax) {
      throw new MalformedMessage(`${sizeBytes(frame)} bytes, at most ${this.messageBytesMax} are allowed`, frame);
    }
    try {
      const value = parseLeniently(frame);
      return MAYBE_LONE_SURROGATE.test(frame) ? mended(value) : value;
    } catch (error) {
      if (error instanceof RangeError) throw new MalformedMessage("nested too deeply", frame);
      throw new MalformedMessage(`not JSON: ${error instanceof Error ? error.message : error}`, frame);
    }
  }

  /**
   * @template T
   * @param {Struct<T>} type
   * @param {unknown} value
   * @param {string} frame
   * @returns {T}
   */
  _read(type, value, frame) {
    try {
      return readStruct(type, value, "");
    } catch (error) {
      if (error instanceof TypeProblem) throw new MalformedMessage(error.message, frame);
      if (error instanceof RangeError) throw new MalformedMessage("nested too deeply", frame);
      throw error;
    }
  }

  /**
   * @param {Struct<any>} type
   * @param {any} value
   * @param {string} [tag]
   */
  _write(type, value, tag) {
    try {
      return JSON.stringify(writeStruct(type, value, "", tag));
    } catch (error) {
      if (error instanceof TypeProblem) {
        throw new UnsendableMessage(type.typeName, `${error.path.slice(1)}: ${error.problem}`.replace(/^: /, ""));
      }
      if (error instanceof RangeError) throw new UnsendableMessage(type.typeName, "nested too deeply");
      throw error;
    }
  }
}

/**
 * Bytes of a text as UTF-8.
 *
 * @param {string} text
 */
export function sizeBytes(text) {
  return UTF8.encode(text).length;
}

/**
 * JSON, or JSON with NaN and infinities, which are read as an infinity: no type but `any` takes it, and that as null.
 *
 * @param {string} text
 * @returns {unknown}
 */
function parseLeniently(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    const plain = text.replace(STRING_OR_NOT_A_NUMBER, (found) => (found.startsWith('"') ? found : "1e999"));
    if (plain === text) throw error;
    return JSON.parse(plain);
  }
}

/**
 * The value with U+FFFD for every lone surrogate, so that whatever was read can be written.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function mended(value) {
  if (typeof value === "string") return value.replace(LONE_SURROGATE, "\ufffd");
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(mended);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [String(mended(key)), mended(one)]));
}

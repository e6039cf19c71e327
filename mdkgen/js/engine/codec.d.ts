/**
 * Bytes of a text as UTF-8.
 *
 * @param {string} text
 */
export function sizeBytes(text: string): number;
/** Reads and writes the messages of one specification. */
export class Codec {
    /**
     * @param {object} options
     * @param {string} options.tag the JSON key that names a message's type
     * @param {readonly Struct<any>[]} options.messages
     * @param {Readonly<Record<string, Struct<any>>>} options.aliases other type names that are read
     * @param {number} options.messageBytesMax the longest frame that is read or written
     */
    constructor({ tag, messages, aliases, messageBytesMax }: {
        tag: string;
        messages: readonly Struct<any>[];
        aliases: Readonly<Record<string, Struct<any>>>;
        messageBytesMax: number;
    });
    tag: string;
    messages: readonly Struct<any>[];
    messageBytesMax: number;
    /** @type {Map<string, Struct<any>>} */
    _types: Map<string, Struct<any>>;
    _aliases: Map<string, Struct<any>>;
    /**
     * The message of a frame.
     *
     * @param {string} frame JSON text
     * @param {(name: string) => void} [onAlias] called with the type name if it is an alias
     * @returns {any}
     * @throws {MalformedMessage} not a JSON object with a type name, too long, too deep, or of wrong types
     * @throws {UnknownMessage} the specification has no message of this type name
     */
    decode(frame: string, onAlias?: (name: string) => void): any;
    /**
     * The frame of a message.
     *
     * @param {any} message
     * @returns {string}
     * @throws {UnsendableMessage} it does not fit its type, or is too long
     */
    encode(message: any): string;
    /**
     * A record that travels outside of a message; throws as `decode` does.
     *
     * @template T
     * @param {Struct<T>} type
     * @param {string} text
     * @returns {T}
     */
    decodeRecord<T>(type: Struct<T>, text: string): T;
    /**
     * A record as JSON; throws as `encode` does.
     *
     * @param {any} record
     * @returns {string}
     */
    encodeRecord(record: any): string;
    /**
     * @param {string} frame
     * @returns {unknown}
     */
    _parse(frame: string): unknown;
    /**
     * @template T
     * @param {Struct<T>} type
     * @param {unknown} value
     * @param {string} frame
     * @returns {T}
     */
    _read<T>(type: Struct<T>, value: unknown, frame: string): T;
    /**
     * @param {Struct<any>} type
     * @param {any} value
     * @param {string} [tag]
     */
    _write(type: Struct<any>, value: any, tag?: string): string;
}
export type Struct<T> = import("./types.js").Struct<T>;

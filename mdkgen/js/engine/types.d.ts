/**
 * @param {Type} base
 * @param {number | null} minimum
 * @param {number | null} maximum
 * @returns {Type}
 */
export function bounded(base: Type, minimum: number | null, maximum: number | null): Type;
/**
 * One of a list of strings. An open enum has no type of its own: it is `text`.
 *
 * @param {Readonly<Record<string, string>>} members
 * @returns {Type}
 */
export function closedEnum(members: Readonly<Record<string, string>>): Type;
/**
 * @param {Type} item
 * @returns {Type}
 */
export function list(item: Type): Type;
/**
 * @param {Type} item
 * @returns {Type}
 */
export function map(item: Type): Type;
/**
 * @param {Type} base
 * @returns {Type}
 */
export function nullable(base: Type): Type;
/**
 * A record or message; given as a function, because it may be declared later, or hold itself.
 *
 * @param {() => Struct<any>} of
 * @returns {Type}
 */
export function struct(of: () => Struct<any>): Type;
/**
 * A message inside another one: it is written with the name of its type, and read with it or without.
 *
 * @param {() => Struct<any>} of
 * @param {string} tag
 * @returns {Type}
 */
export function message(of: () => Struct<any>, tag: string): Type;
/**
 * @param {string} name
 * @param {string} wire
 * @param {Type} type
 * @param {Field["presence"]} presence
 * @returns {Field}
 */
export function field(name: string, wire: string, type: Type, presence: Field["presence"]): Field;
/**
 * @template T
 * @param {Struct<T>} type
 * @param {unknown} value
 * @param {string} path
 * @returns {T}
 */
export function readStruct<T>(type: Struct<T>, value: unknown, path: string): T;
/**
 * @param {Struct<any>} type
 * @param {any} value an instance, or for a record any object with its fields
 * @param {string} path
 * @param {string} [tag] the key of the type name, for a message
 * @returns {Record<string, unknown>}
 */
export function writeStruct(type: Struct<any>, value: any, path: string, tag?: string): Record<string, unknown>;
/**
 * What a value is, in words.
 *
 * @param {unknown} value
 */
export function kind(value: unknown): string;
/**
 * A message or record as Node shows it, without what the specification marks `@sensitive`.
 *
 * @param {object} struct
 * @param {readonly string[]} secrets names of its fields
 * @param {object} options of Node
 * @param {(value: unknown, options: object) => string} inspect of Node
 * @returns {string}
 */
export function shown(struct: object, secrets: readonly string[], options: object, inspect: (value: unknown, options: object) => string): string;
/**
 * The types of the specification: how a JSON value becomes a field, and a field a JSON value.
 *
 * Reading is tolerant where peers of other making are known to differ: null for what is absent, 42.0 for an integer
 * (the same number here), NaN inside `any` (read as null). Writing is strict: what the types do not allow is refused.
 */
/** Lists and maps inside one another in an `any`, read and written: what one process can take, every other one can. */
export const NESTING_MAX: 200;
/** Something does not fit its type; the text is the problem, without the path. */
export class TypeProblem extends Error {
    /**
     * @param {string} problem
     * @param {string} path
     */
    constructor(problem: string, path: string);
    path: string;
    problem: string;
}
/** @type {Type} */
export const boolean: Type;
/** @type {Type} */
export const text: Type;
/** @type {Type} */
export const integer: Type;
/** @type {Type} */
export const number: Type;
/** @type {Type} */
export const any: Type;
/** Messages and records do not change: what was sent, or told, is what it was. */
export const freeze: {
    <T extends Function>(f: T): T;
    <T extends {
        [idx: string]: U | null | undefined | object;
    }, U extends string | bigint | number | boolean | symbol>(o: T): Readonly<T>;
    <T>(o: T): Readonly<T>;
};
/** The method by which Node shows an object. */
export const INSPECT: unique symbol;
export type Type = {
    /**
     * from parsed JSON; throws TypeProblem
     */
    read: (value: unknown, path: string) => any;
    /**
     * to what JSON.stringify takes; throws TypeProblem
     */
    write: (value: any, path: string) => unknown;
    takesNull: boolean;
};
export type Field = {
    /**
     * here
     */
    name: string;
    /**
     * on the wire
     */
    wire: string;
    type: Type;
    presence: "required" | "default" | "optional";
};
/**
 * A generated class. `wireName` is the type name of a message, null for a record.
 */
export type Struct<T> = (abstract new (...args: any[]) => T) & {
    readonly typeName: string;
    readonly wireName: string | null;
    readonly fields: readonly Field[];
};

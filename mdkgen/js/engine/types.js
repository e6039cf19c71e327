/**
 * The types of the specification: how a JSON value becomes a field, and a field a JSON value.
 *
 * Reading is tolerant where peers of other making are known to differ: null for what is absent, 42.0 for an integer
 * (the same number here), NaN inside `any` (read as null). Writing is strict: what the types do not allow is refused.
 */

/** Lists and maps inside one another in an `any`, read and written: what one process can take, every other one can. */
export const NESTING_MAX = 200;

/** Something does not fit its type; the text is the problem, without the path. */
export class TypeProblem extends Error {
  /**
   * @param {string} problem
   * @param {string} path
   */
  constructor(problem, path) {
    super(`${problem} - at \`$${path}\``);
    this.path = path;
    this.problem = problem;
  }
}

/**
 * @typedef {object} Type
 * @property {(value: unknown, path: string) => any} read from parsed JSON; throws TypeProblem
 * @property {(value: any, path: string) => unknown} write to what JSON.stringify takes; throws TypeProblem
 * @property {boolean} takesNull
 */

/**
 * @typedef {object} Field
 * @property {string} name here
 * @property {string} wire on the wire
 * @property {Type} type
 * @property {"required" | "default" | "optional"} presence
 */

/**
 * @template T
 * @typedef {(abstract new (...args: any[]) => T) & {
 *   readonly typeName: string,
 *   readonly wireName: string | null,
 *   readonly fields: readonly Field[],
 * }} Struct
 * A generated class. `wireName` is the type name of a message, null for a record.
 */

/**
 * @param {string} expected
 * @param {(value: unknown) => boolean} fits
 * @returns {Type}
 */
function scalar(expected, fits) {
  /** @type {Type["read"]} */
  const read = (value, path) => {
    if (fits(value)) return value;
    throw new TypeProblem(`expected ${expected}, got ${kind(value)}`, path);
  };
  return { read, write: read, takesNull: false };
}

/** @type {Type} */
export const boolean = scalar("a boolean", (value) => typeof value === "boolean");
/** @type {Type} */
export const text = scalar("a string", (value) => typeof value === "string");
/** @type {Type} */
export const integer = scalar("an integer", (value) => Number.isInteger(value));
/** @type {Type} */
export const number = scalar("a number", (value) => Number.isFinite(value));

/** @type {Type} */
export const any = {
  read: (value) => readAny(value, NESTING_MAX),
  write: (value, path) => {
    checkAny(value, path, NESTING_MAX);
    return value;
  },
  takesNull: true,
};

/**
 * @param {Type} base
 * @param {number | null} minimum
 * @param {number | null} maximum
 * @returns {Type}
 */
export function bounded(base, minimum, maximum) {
  /** @type {Type["read"]} */
  const read = (value, path) => {
    const number = base.read(value, path);
    if (minimum !== null && number < minimum) throw new TypeProblem(`expected at least ${minimum}`, path);
    if (maximum !== null && number > maximum) throw new TypeProblem(`expected at most ${maximum}`, path);
    return number;
  };
  return { read, write: read, takesNull: false };
}

/**
 * One of a list of strings. An open enum has no type of its own: it is `text`.
 *
 * @param {Readonly<Record<string, string>>} members
 * @returns {Type}
 */
export function closedEnum(members) {
  const values = new Set(Object.values(members));
  /** @type {Type["read"]} */
  const read = (value, path) => {
    if (typeof value === "string" && values.has(value)) return value;
    throw new TypeProblem(`expected one of ${[...values].join(", ")}`, path);
  };
  return { read, write: read, takesNull: false };
}

/**
 * @param {Type} item
 * @returns {Type}
 */
export function list(item) {
  return {
    read: (value, path) => array(value, path).map((one, place) => item.read(one, `${path}[${place}]`)),
    write: (value, path) => array(value, path).map((one, place) => item.write(one, `${path}[${place}]`)),
    takesNull: false,
  };
}

/**
 * @param {Type} item
 * @returns {Type}
 */
export function map(item) {
  if (item === any) {
    return {
      read: (value, path) => any.read(object(value, path), path),
      write: (value, path) => any.write(object(value, path), path),
      takesNull: false,
    };
  }
  /**
   * @param {unknown} value
   * @param {string} path
   * @param {"read" | "write"} how
   */
  // Object.fromEntries defines properties: a key `__proto__` is a key like any other.
  const each = (value, path, how) =>
    Object.fromEntries(Object.entries(object(value, path)).map(([key, one]) => [key, item[how](one, `${path}.${key}`)]));
  return {
    read: (value, path) => each(value, path, "read"),
    write: (value, path) => each(value, path, "write"),
    takesNull: false,
  };
}

/**
 * @param {Type} base
 * @returns {Type}
 */
export function nullable(base) {
  return {
    read: (value, path) => (value === null ? null : base.read(value, path)),
    write: (value, path) => (value === null ? null : base.write(value, path)),
    takesNull: true,
  };
}

/**
 * A record or message; given as a function, because it may be declared later, or hold itself.
 *
 * @param {() => Struct<any>} of
 * @returns {Type}
 */
export function struct(of) {
  return {
    read: (value, path) => readStruct(of(), value, path),
    write: (value, path) => writeStruct(of(), value, path),
    takesNull: false,
  };
}

/**
 * A message inside another one: it is written with the name of its type, and read with it or without.
 *
 * @param {() => Struct<any>} of
 * @param {string} tag
 * @returns {Type}
 */
export function message(of, tag) {
  return {
    read: (value, path) => {
      const given = object(value, path);
      if (Object.hasOwn(given, tag) && given[tag] !== of().wireName) {
        throw new TypeProblem(`expected '${of().wireName}'`, `${path}.${tag}`);
      }
      return readStruct(of(), given, path);
    },
    write: (value, path) => writeStruct(of(), value, path, tag),
    takesNull: false,
  };
}

/**
 * @param {string} name
 * @param {string} wire
 * @param {Type} type
 * @param {Field["presence"]} presence
 * @returns {Field}
 */
export function field(name, wire, type, presence) {
  return Object.freeze({ name, wire, type, presence });
}

/**
 * @template T
 * @param {Struct<T>} type
 * @param {unknown} value
 * @param {string} path
 * @returns {T}
 */
export function readStruct(type, value, path) {
  const given = object(value, path);
  /** @type {Record<string, unknown>} */
  const fields = {};
  for (const one of type.fields) {
    const item = Object.hasOwn(given, one.wire) ? given[one.wire] : undefined;
    const absent = item === undefined || (item === null && one.presence !== "required" && !one.type.takesNull);
    if (!absent) {
      fields[one.name] = one.type.read(item, `${path}.${one.wire}`);
    } else if (one.presence === "required") {
      throw new TypeProblem(`the object has no \`${one.wire}\``, path);
    }
  }
  const make = /** @type {new (fields: object) => T} */ (/** @type {unknown} */ (type));
  return new make(fields);
}

/**
 * @param {Struct<any>} type
 * @param {any} value an instance, or for a record any object with its fields
 * @param {string} path
 * @param {string} [tag] the key of the type name, for a message
 * @returns {Record<string, unknown>}
 */
export function writeStruct(type, value, path, tag) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeProblem(`${kind(value)} is no ${type.typeName}`, path);
  }
  const make = /** @type {new (fields: object) => any} */ (/** @type {unknown} */ (type));
  const whole = value instanceof type ? value : new make(value); // a plain object: its absent fields get their defaults
  /** @type {Record<string, unknown>} */
  const result = {};
  if (tag !== undefined) result[tag] = type.wireName;
  for (const one of type.fields) {
    const item = whole[one.name];
    if (item !== undefined) {
      const written = one.type.write(item, `${path}.${one.wire}`);
      if (one.wire === "__proto__") {
        Object.defineProperty(result, one.wire, { value: written, enumerable: true }); // plainly it would set the prototype
      } else {
        result[one.wire] = written;
      }
    } else if (one.presence !== "optional") {
      throw new TypeProblem("is missing", `${path}.${one.wire}`);
    }
  }
  return result;
}

/**
 * What a value is, in words.
 *
 * @param {unknown} value
 */
export function kind(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number" && !Number.isFinite(value)) return "a number that JSON has no word for";
  return { boolean: "a boolean", number: "a number", string: "a string", object: "an object" }[
    /** @type {"object"} */ (typeof value)
  ] ?? `a ${typeof value}`;
}

/**
 * @param {unknown} value
 * @param {number} levels
 * @returns {unknown}
 * @throws {RangeError} it is nested deeper than so many levels
 */
function readAny(value, levels) {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) throw new RangeError();
  if (Array.isArray(value)) return value.map((one) => readAny(one, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, readAny(one, levels - 1)]));
}

/**
 * @param {unknown} value
 * @param {string} path
 * @param {number} levels
 * @throws {RangeError} it is nested deeper than so many levels
 */
function checkAny(value, path, levels) {
  if (levels === 0 && typeof value === "object" && value !== null) throw new RangeError();
  if (Array.isArray(value)) {
    value.forEach((one, place) => checkAny(one, `${path}[${place}]`, levels - 1));
  } else if (typeof value === "object" && value !== null) {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw new TypeProblem(`${prototype.constructor?.name ?? "this"} is not a type of JSON`, path);
    }
    for (const [key, one] of Object.entries(value)) checkAny(one, `${path}.${key}`, levels - 1);
  } else if (typeof value === "number" ? !Number.isFinite(value) : !["string", "boolean", "object"].includes(typeof value)) {
    throw new TypeProblem(`${String(value)} is not a value in JSON`, path);
  }
}

/**
 * @param {unknown} value
 * @param {string} path
 * @returns {unknown[]}
 */
function array(value, path) {
  if (Array.isArray(value)) return value;
  throw new TypeProblem(`expected an array, got ${kind(value)}`, path);
}

/**
 * @param {unknown} value
 * @param {string} path
 * @returns {Record<string, unknown>}
 */
function object(value, path) {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return /** @type {Record<string, unknown>} */ (value);
  }
  throw new TypeProblem(`expected an object, got ${kind(value)}`, path);
}

/** Messages and records do not change: what was sent, or told, is what it was. */
export const freeze = Object.freeze;

/** The method by which Node shows an object. */
export const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/**
 * A message or record as Node shows it, without what the specification marks `@sensitive`.
 *
 * @param {object} struct
 * @param {readonly string[]} secrets names of its fields
 * @param {object} options of Node
 * @param {(value: unknown, options: object) => string} inspect of Node
 * @returns {string}
 */
export function shown(struct, secrets, options, inspect) {
  const hidden = { [INSPECT]: () => "<sensitive>" };
  const fields = Object.entries(struct).map(([name, value]) => [
    name,
    secrets.includes(name) && value !== undefined && value !== null ? hidden : value,
  ]);
  return `${struct.constructor.name} ${inspect(Object.fromEntries(fields), options)}`;
}

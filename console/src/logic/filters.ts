/** Which logs and traces are wanted, as the address says it and as the server is asked for it. */

import { type CallSeen, type Level, LogFilter, Selection } from "protocol";
import { failedOf } from "./recent";
import { LEVELS } from "./colours";

export interface Filters {
  readonly service: string;
  /** This one and those above it; empty for all. */
  readonly level: string;
  readonly text: string;
  readonly trace: string;
  readonly node: string;
  readonly category: string;
  readonly failed: boolean;
  /** "15m", "1h", "7d", or milliseconds since the epoch; empty for all there is. */
  readonly since: string;
  /** Milliseconds since the epoch, not included; empty for no end. */
  readonly until: string;
}

export const SPANS = ["15m", "1h", "6h", "24h", "7d"] as const;
const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What the address says; what it says wrongly counts as not said. */
export function read(params: URLSearchParams): Filters {
  const text = (name: string) => params.get(name) ?? "";
  const level = text("level").toUpperCase();
  return {
    service: text("service"),
    level: LEVELS.some((one) => one === level) ? level : "",
    text: text("text"),
    trace: text("trace"),
    node: text("node"),
    category: text("category"),
    failed: params.get("failed") === "1",
    since: time(text("since"), 0) === undefined ? "" : text("since"),
    until: /^\d+$/.test(text("until")) ? text("until") : "",
  };
}

/** As parameters of an address: what is not said is not there. */
export function written(filters: Partial<Filters>): Record<string, string | null> {
  const all: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(filters)) {
    all[name] = typeof value === "boolean" ? (value ? "1" : null) : value === "" ? null : value;
  }
  return all;
}

/** True if anything is narrowed. */
export function isAny(filters: Filters): boolean {
  return Object.values(filters).some((value) => value !== "" && value !== false);
}

/** When a span began, or a moment was; undefined for neither. */
export function time(text: string, nowMs: number): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const found = /^(\d+)([smhd])$/.exec(text);
  return found === null ? undefined : nowMs - Number(found[1]) * (UNITS_MS[found[2] ?? ""] ?? 0);
}

/** For questions. */
export function selection(of: Filters, environment: string, nowMs: number): Selection {
  return new Selection({
    traceId: of.trace || undefined,
    service: of.service || undefined,
    level: (of.level || undefined) as Level | undefined,
    text: of.text.trim() || undefined,
    since: time(of.since, nowMs),
    until: of.until === "" ? undefined : Number(of.until),
    environment: environment || undefined,
    node: of.node || undefined,
    category: of.category || undefined,
    failed: of.failed || undefined,
  });
}

/** For the tail, which looks for one text: the longest word. `wordsFit` does the rest. */
export function logFilter(of: Filters, environment: string): LogFilter {
  const longest = words(of.text).reduce((a, b) => (b.text.length > a.length ? b.text : a), "");
  const level = of.failed && (of.level === "" || LEVELS.findIndex((one) => one === of.level) > 1) ? "ERROR" : of.level;
  return new LogFilter({
    trace: of.trace || undefined,
    service: of.service || undefined,
    level: (level || undefined) as Level | undefined,
    text: longest || undefined,
    environment: environment || undefined,
    node: of.node || undefined,
    category: of.category || undefined,
  });
}

/** True if a call belongs to a trace that is wanted: as storage judges by interactions. */
export function callFits(call: CallSeen, of: Filters, environment: string): boolean {
  if (of.level !== "" || of.text !== "" || of.category !== "" || of.node !== "") return false;
  return (
    (!of.failed || failedOf(call)) &&
    (of.service === "" || call.service === of.service) &&
    (of.trace === "" || call.traceId === of.trace) &&
    (of.until === "" || call.end < Number(of.until)) &&
    (environment === "" || call.environment === environment)
  );
}

interface Word {
  readonly text: string;
  /** It may go on. */
  readonly begins: boolean;
}

const NOT_WORD = /[^\p{L}\p{N}\p{Co}]+/u;

/** The words of a search, as storage understands it: `"some words"` stand side by side, `word*` begins with it. */
function phrases(search: string): Word[][] {
  const found: Word[][] = [];
  for (const [, quoted, bare = ""] of search.matchAll(/"([^"]*)"|([^\s"]+)/g)) {
    const begins = quoted === undefined && bare.length > 1 && bare.endsWith("*");
    const parts = folded(quoted ?? bare).split(NOT_WORD).filter(Boolean);
    if (parts.length > 0) found.push(parts.map((text, at) => ({ text, begins: begins && at === parts.length - 1 })));
  }
  return found;
}

function words(search: string): Word[] {
  return [...search.matchAll(/"([^"]*)"|([^\s"]+)/g)].flatMap(([, quoted, bare = ""]) =>
    (quoted ?? bare).split(NOT_WORD).filter(Boolean).map((text) => ({ text, begins: true })),
  );
}

function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** A test of texts: those that storage would find with this search. */
export function wordsFit(search: string): (text: string) => boolean {
  const wanted = phrases(search);
  if (wanted.length === 0) return () => true;
  return (text) => {
    const all = folded(text).split(NOT_WORD).filter(Boolean);
    return wanted.every((phrase) => all.some((_, at) => phrase.every((word, index) => fits(word, all[at + index]))));
  };
}

function fits(word: Word, found: string | undefined): boolean {
  return found !== undefined && (word.begins ? found.startsWith(word.text) : found === word.text);
}

/** Numbers, times and sizes as people read them. Nothing here rounds bad news away. */

const NUMBERS = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SECOND = 1;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** 1234 as "1,234". */
export function count(value: number): string {
  return NUMBERS.format(value);
}

/** Four characters at most of it: "950", "1.2k", "34k", "5.6M". */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size < 1000) return Number.isInteger(value) ? String(value) : value.toFixed(size < 10 ? 1 : 0);
  for (const [unit, by] of [["G", 1e9], ["M", 1e6], ["k", 1e3]] as const) {
    if (size >= by) return `${(value / by).toFixed(size / by < 9.95 ? 1 : 0)}${unit}`;
  }
  return String(value);
}

/** A span of seconds, in at most two units: "4 s", "3 min 20 s", "2 h 5 min", "6 d 3 h". */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return two(whole, MINUTE, "min", SECOND, "s");
  if (whole < DAY) return two(whole, HOUR, "h", MINUTE, "min");
  return two(whole, DAY, "d", HOUR, "h");
}

function two(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  const first = `${Math.floor(seconds / large)} ${largeName}`;
  return rest === 0 ? first : `${first} ${rest} ${smallName}`;
}

/** How long something took, from milliseconds: "0 ms", "12 ms", "1.53 s", "2 min 4 s". */
export function duration(ms: number): string {
  if (ms < 1000) return `${ms < 10 && !Number.isInteger(ms) ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  return span(ms / 1000);
}

/** 1024 as "1.0 KiB". */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  let size = value;
  for (const unit of ["KiB", "MiB", "GiB", "TiB"]) {
    size /= 1024;
    if (size < 1023.95 || unit === "TiB") return `${size.toFixed(size < 99.95 ? 1 : 0)} ${unit}`;
  }
  return "";
}

/** The share that worked; "100 %" only if nothing failed, "0 %" only if nothing worked. Empty without calls. */
export function success(ok: number, failed: number): string {
  const all = ok + failed;
  if (all === 0) return "";
  if (failed === 0) return "100 %";
  const percent = (100 * ok) / all;
  if (ok > 0 && percent < 0.1) return "<0.1 %";
  return `${(Math.floor(percent * 10) / 10).toFixed(percent >= 10 && percent < 99 ? 0 : 1)} %`;
}

/** The time of day, with milliseconds: "14:05:09.123". */
export function clock(ms: number): string {
  const at = new Date(ms);
  return `${time(ms)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** The time of day: "14:05:09". */
export function time(ms: number): string {
  const at = new Date(ms);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** Day and time: "2026-11-25 14:05:09". */
export function dateTime(ms: number): string {
  const at = new Date(ms);
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
  return `${day} ${time(ms)}`;
}

/** "1 node", "2 nodes". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

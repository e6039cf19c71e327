/** Which class gives a service or a level its colour. The colours themselves stand in styles/tokens.css. */

const HUES = 10;

/** The same service has the same colour on every page, in every browser. */
export function serviceClass(service: string): string {
  if (service === "") return "hue-none";
  let hash = 2166136261; // FNV-1a
  for (let index = 0; index < service.length; index += 1) {
    hash = Math.imul(hash ^ service.charCodeAt(index), 16777619);
  }
  return `hue-${((hash ^ (hash >>> 15)) >>> 0) % HUES}`;
}

/** From most to least important. */
export const LEVELS = ["CRITICAL", "ERROR", "WARN", "INFO", "DEBUG"] as const;

export function levelClass(level: string): string {
  return `level-${level.toLowerCase()}`;
}

/** True for ERROR and worse. */
export function isBad(level: string): boolean {
  return level === "ERROR" || level === "CRITICAL";
}

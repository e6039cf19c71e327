/** Which class gives a service or a level its colour. The colours themselves stand in styles/tokens.css. */

/** Apart for every kind of colour vision, which tests/colours.test.ts computes: more of them would not be. */
export const HUES = 7;
/** Square, round, on its tip: with the form of their mark three times as many services can be told apart. */
const FORMS = 3;
/** Services that are remembered: more than anybody has on one screen. */
export const REMEMBERED_MAX = 200;

/** Gives each service a hue and a form of its own, as long as there are any, and the same again whenever it is asked. */
export class ServiceColours {
  readonly #places = new Map<string, number>();
  readonly #changed: (places: Readonly<Record<string, number>>) => void;

  constructor(known: Readonly<Record<string, unknown>> = {}, changed: (places: Readonly<Record<string, number>>) => void = () => {}) {
    this.#changed = changed;
    for (const [service, place] of Object.entries(known)) {
      if (Number.isInteger(place) && Number(place) >= 0 && Number(place) < HUES * FORMS) this.#places.set(service, Number(place));
    }
  }

  classOf(service: string): string {
    if (service === "") return "hue-none";
    const place = this.#places.get(service) ?? this.#give(service);
    return `hue-${place % HUES} form-${Math.floor(place / HUES)}`;
  }

  /** The hue of its name's own, in any browser; beside others, the next one that is free. */
  #give(service: string): number {
    const uses = Array.from({ length: HUES * FORMS }, () => 0);
    for (const place of this.#places.values()) uses[place] = (uses[place] ?? 0) + 1;
    const least = Math.min(...uses);
    const own = hashed(service) % HUES;
    let place = own;
    for (let step = 0; step < HUES * FORMS; step += 1) {
      const next = Math.floor(step / HUES) * HUES + ((own + step) % HUES);
      if (uses[next] !== least) continue;
      place = next;
      break;
    }
    if (this.#places.size >= REMEMBERED_MAX) this.#places.delete(this.#places.keys().next().value ?? "");
    this.#places.set(service, place);
    this.#changed(Object.fromEntries(this.#places));
    return place;
  }
}

function hashed(text: string): number {
  let hash = 2166136261; // FNV-1a
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}

let colours = new ServiceColours();

/** Remember colours in this browser: a service that comes changes no other one's, today or tomorrow. */
export function keepColours(storage: Pick<Storage, "getItem" | "setItem">, key: string): void {
  let known: Record<string, unknown> = {};
  try {
    known = JSON.parse(storage.getItem(key) ?? "{}") as Record<string, unknown>;
  } catch {
    // Somebody else's: begun anew.
  }
  colours = new ServiceColours(known, (places) => storage.setItem(key, JSON.stringify(places)));
}

/** The same service has the same colour on every page. */
export function serviceClass(service: string): string {
  return colours.classOf(service);
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

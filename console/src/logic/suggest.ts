/** What a text in the search box can mean. */

export interface Suggestion {
  readonly kind: "trace" | "service" | "traces" | "logs";
  readonly text: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
}

const TRACE_ID = /^(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})$/i;
const SERVICES_MAX = 6;

/** Best first: Enter takes the first one. */
export function suggest(given: string, services: readonly string[]): readonly Suggestion[] {
  const text = given.trim();
  if (text === "") return [];
  if (TRACE_ID.test(text)) return [{ kind: "trace", text, path: `/t/${hyphenated(text.toLowerCase())}`, params: {} }];
  const small = text.toLowerCase();
  const found = services.filter((name) => name.toLowerCase().includes(small));
  found.sort((a, b) => rank(a, small) - rank(b, small) || a.localeCompare(b));
  return [
    ...found.slice(0, SERVICES_MAX).map((name): Suggestion => ({ kind: "service", text: name, path: `/services/${encodeURIComponent(name)}`, params: {} })),
    { kind: "logs", text, path: "/logs", params: { text } },
    { kind: "traces", text, path: "/traces", params: { text } },
  ];
}

function rank(name: string, text: string): number {
  const small = name.toLowerCase();
  return small === text ? 0 : small.startsWith(text) ? 1 : 2;
}

/** Trace ids are UUIDs; a traceparent has them without hyphens. */
function hyphenated(id: string): string {
  return id.includes("-") ? id : id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

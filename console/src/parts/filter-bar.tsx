/** The filters of traces and logs; what is chosen is in the address. */

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { useShortcuts } from "~/app/keys";
import { params, setParams } from "~/app/router";
import { LEVELS } from "~/logic/colours";
import { type Filters, isAny, read, SPANS, written } from "~/logic/filters";
import { dateTime } from "~/logic/format";
import { services } from "~/store/table";
import { Icon } from "./icons";

const SAID: Readonly<Record<string, string>> = { "15m": "Last 15 minutes", "1h": "Last hour", "6h": "Last 6 hours", "24h": "Last 24 hours", "7d": "Last 7 days" };

/** The filters of the address. */
export function useFilters(): Filters {
  return read(params.value);
}

export function setFilters(changes: Partial<Filters>, how: "replace" | "push" = "push"): void {
  setParams(written(changes), how);
}

export function FilterBar({ filters, children, withTime = true }: { readonly filters: Filters; readonly children?: ComponentChildren; readonly withTime?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  useShortcuts([{ keys: "f", does: "Filter by text", act: () => input.current?.select() }]);
  const names = filters.service === "" || services.value.includes(filters.service) ? services.value : [filters.service, ...services.value];
  const own = filters.since !== "" && !SPANS.some((one) => one === filters.since);
  return (
    <div class="bar-filters" role="search" aria-label="Filters">
      <input
        ref={input}
        class="field filter-text"
        type="search"
        placeholder="Words in the text"
        aria-label="Words in the text"
        value={filters.text}
        onInput={(event) => setFilters({ text: event.currentTarget.value }, "replace")}
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
      />
      <select aria-label="Service" value={filters.service} onChange={(event) => setFilters({ service: event.currentTarget.value })}>
        <option value="">All services</option>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select aria-label="Level" value={filters.level} onChange={(event) => setFilters({ level: event.currentTarget.value })}>
        <option value="">All levels</option>
        {LEVELS.map((level) => (
          <option key={level} value={level}>
            {level === "CRITICAL" ? level : `${level} and worse`}
          </option>
        ))}
      </select>
      {withTime && (
        <select aria-label="Time" value={filters.since} onChange={(event) => setFilters({ since: event.currentTarget.value, until: "" })}>
          <option value="">Any time</option>
          {SPANS.map((one) => (
            <option key={one} value={one}>
              {SAID[one]}
            </option>
          ))}
          {own && <option value={filters.since}>{/^\d+$/.test(filters.since) ? `Since ${dateTime(Number(filters.since))}` : `Last ${filters.since}`}</option>}
        </select>
      )}
      {children}
      {(["trace", "node", "category"] as const).map(
        (name) =>
          filters[name] !== "" && (
            <button key={name} type="button" class="button chip" title={`Do not filter by ${name}`} onClick={() => setFilters({ [name]: "" })}>
              {name} <span class="mono">{filters[name].slice(0, 8)}</span> <Icon name="close" />
            </button>
          ),
      )}
      {isAny(filters) && (
        <button type="button" class="button quiet" onClick={() => setFilters({ service: "", level: "", text: "", trace: "", node: "", category: "", failed: false, since: "", until: "" })}>
          Clear
        </button>
      )}
    </div>
  );
}

/** Who calls whom, and how that goes: as a map, or as a table. */

import { useComputed, useSignal } from "@preact/signals";
import { type CallRate, RatesQuery } from "protocol";
import { useRef } from "preact/hooks";
import { useShortcuts } from "~/app/keys";
import { environment, param, setParams } from "~/app/router";
import { arranged, edges, health, inSteps, type MapEdge, type Places, placed } from "~/logic/call-map";
import { time } from "~/logic/filters";
import { counted } from "~/logic/format";
import { MINUTE_MS } from "~/logic/sums";
import { Icon } from "~/parts/icons";
import { Empty, Problem, State } from "~/parts/states";
import { recentCalls, useCalls } from "~/store/calls";
import { now } from "~/store/clock";
import { connection } from "~/store/connection";
import { hourError, useHour } from "~/store/hour";
import { useAnswer } from "~/store/questions";
import { Drawing } from "./drawing";
import { EdgeDetails } from "./edge";
import { EdgeTable } from "./table";

const RANGES = { "15m": "Last 15 minutes", "1h": "Last hour", "6h": "Last 6 hours", "24h": "Last 24 hours" } as const;
const MINUTES = { "15m": 15, "1h": 60, "6h": 360, "24h": 1440 } as const;
/** Points of an edge's history. */
const POINTS = 30;
const HALF_HOUR_MS = 30 * MINUTE_MS;

export type Range = keyof typeof RANGES;

function isRange(text: string): text is Range {
  return text in RANGES;
}

interface Known {
  readonly rates: readonly CallRate[] | null;
  readonly error: string | null;
}

/**
 * Calls by span of time: the last hour live, and before it what is asked for once in a while.
 *
 * The question ends half an hour ago at least, where the live part is sure to have begun.
 */
function useRates(range: Range): Known {
  const env = environment.value;
  const cut = useComputed(() => Math.floor(now.value / HALF_HOUR_MS - 1) * HALF_HOUR_MS);
  const since = useComputed(() => {
    const moment = time(range, now.value) ?? 0;
    const step = stepMinutes(range) * MINUTE_MS;
    return Math.floor(moment / step) * step;
  });
  const isLong = MINUTES[range] > 60;
  const query = { since: since.peek(), until: cut.value, stepMinutes: stepMinutes(range) };
  const before = useAnswer("rates", isLong ? () => new RatesQuery(env === "" ? query : { ...query, environment: env }) : null, `${range} ${env} ${cut.value}`);
  const live = useHour();
  if (live === null || (isLong && before.value.data === null)) return { rates: null, error: before.value.error ?? hourError.value };
  const from = isLong ? cut.value : since.value;
  const recent = live.calls.filter((call) => call.start >= from && (env === "" || call.environment === env));
  return { rates: [...(before.value.data?.calls ?? []), ...inSteps(recent, stepMinutes(range) * MINUTE_MS)], error: before.value.error };
}

function stepMinutes(range: Range): number {
  return Math.max(1, MINUTES[range] / POINTS);
}

export function MapPage() {
  useCalls();
  const range = isRange(param("range")) ? (param("range") as Range) : "15m";
  const isTable = param("view") === "table";
  const onlyBad = param("bad") === "1";
  const { rates, error } = useRates(range);
  const env = environment.value;
  const newest = recentCalls.value.filter((one) => env === "" || one.environment === env);
  const all = edges(rates ?? [], newest, Date.now());
  const shown = onlyBad ? all.filter((edge) => health(edge) === "bad" || health(edge) === "warn") : all;
  const places = useRef<Places>(new Map());
  const area = useRef("");
  const key = `${env}\n${range}`;
  if (rates !== null) {
    places.current = placed(area.current === key ? places.current : new Map(), all);
    area.current = key;
  }
  const redrawn = useSignal(0);
  void redrawn.value;
  const arrange = () => {
    places.current = arranged(all);
    redrawn.value += 1;
  };
  const toggleTable = () => setParams({ view: param("view") === "table" ? null : "table" }, "push");
  useShortcuts([{ keys: "v", does: "Map or table", act: toggleTable }]);
  const chosen = all.find((edge) => edge.key === param("edge"));
  const choose = (edge: MapEdge) => setParams({ edge: edge.key === param("edge") ? null : edge.key }, "push");
  return (
    <div class="page-full">
      <div class="page-head">
        <h1>Map</h1>
        <Summary all={all} />
      </div>
      <div class="bar-filters">
        <select aria-label="Time" value={range} onChange={(event) => setParams({ range: event.currentTarget.value === "15m" ? null : event.currentTarget.value }, "push")}>
          {Object.entries(RANGES).map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
        <button type="button" class="button" aria-pressed={onlyBad} onClick={() => setParams({ bad: onlyBad ? null : "1" }, "push")}>
          <Icon name="warn" /> Only what fails
        </button>
        <button type="button" class="button" aria-pressed={isTable} onClick={toggleTable} title="v">
          As a table
        </button>
        {!isTable && (
          <button type="button" class="button" onClick={arrange} title="Services keep their places until you ask for new ones">
            Arrange anew
          </button>
        )}
      </div>
      {error !== null && <Problem text={error} />}
      <div class="with-details">
        {rates === null ? (
          <Empty title={connection.value === "connecting" ? "Connecting…" : "Loading…"} />
        ) : shown.length === 0 ? (
          <Empty title={onlyBad ? "Nothing fails" : "No calls in this time"}>{!onlyBad && "An interaction that names another service is an edge here."}</Empty>
        ) : isTable ? (
          <EdgeTable edges={shown} minutes={MINUTES[range]} chosen={chosen?.key ?? ""} choose={choose} />
        ) : (
          <Drawing edges={shown} places={places.current} minutes={MINUTES[range]} chosen={chosen?.key ?? ""} choose={choose} />
        )}
        {chosen !== undefined && <EdgeDetails edge={chosen} range={range} minutes={MINUTES[range]} close={() => setParams({ edge: null })} />}
      </div>
    </div>
  );
}

function Summary({ all }: { readonly all: readonly MapEdge[] }) {
  const broken = all.filter((edge) => health(edge) === "bad").length;
  return (
    <span class="summary" role="status">
      {counted(new Set(all.flatMap((edge) => [edge.caller, edge.callee])).size, "service")} ·{" "}
      {broken > 0 ? <State tone="bad" icon="bad">{counted(broken, "edge")} broken</State> : "no broken edge"}
    </span>
  );
}

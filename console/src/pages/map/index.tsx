/** Who calls whom, and how that goes: as a map, or as a table. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { type CallRate, RatesQuery } from "protocol";
import { useEffect, useRef } from "preact/hooks";
import { useShortcuts } from "~/app/keys";
import { environment, param, setParams } from "~/app/router";
import { arranged, edges, health, type MapEdge, type Places, placed } from "~/logic/call-map";
import { time } from "~/logic/filters";
import { counted } from "~/logic/format";
import { Icon } from "~/parts/icons";
import { Empty, Problem, State } from "~/parts/states";
import { recentInteractions } from "~/store/calls";
import { ask, connection, epoch, NoAnswer } from "~/store/connection";
import { Drawing } from "./drawing";
import { EdgeDetails } from "./edge";
import { EdgeTable } from "./table";

const RANGES = { "15m": "Last 15 minutes", "1h": "Last hour", "6h": "Last 6 hours", "24h": "Last 24 hours" } as const;
const MINUTES = { "15m": 15, "1h": 60, "6h": 360, "24h": 1440 } as const;
/** Points of an edge's history. */
const POINTS = 30;

export type Range = keyof typeof RANGES;

function isRange(text: string): text is Range {
  return text in RANGES;
}

interface Known {
  readonly rates: readonly CallRate[] | null;
  readonly error: string | null;
}

/** Calls by span of time, asked again when interactions came in. */
function useRates(range: Range): ReadonlySignal<Known> {
  const known = useSignal<Known>({ rates: null, error: null });
  const env = environment.value;
  useEffect(() => {
    known.value = { rates: null, error: null };
  }, [range, env]);
  useEffect(() => {
    if (epoch.value === 0) return undefined;
    let wanted = true;
    const until = Date.now();
    const since = time(range, until) ?? until;
    const query = { since, until, stepMinutes: Math.max(1, MINUTES[range] / POINTS) };
    ask("rates", new RatesQuery(env === "" ? query : { ...query, environment: env })).then(
      ({ calls }) => {
        if (wanted) known.value = { rates: calls.filter((call) => env === "" || call.environment === env), error: null };
      },
      (error: unknown) => {
        if (!(error instanceof NoAnswer)) throw error;
        if (wanted && connection.peek() === "live") known.value = { ...known.peek(), error: error.message };
      },
    );
    return () => {
      wanted = false;
    };
  }, [range, env, epoch.value, recentInteractions.value]);
  return known;
}

export function MapPage() {
  const range = isRange(param("range")) ? (param("range") as Range) : "15m";
  const isTable = param("view") === "table";
  const onlyBad = param("bad") === "1";
  const { rates, error } = useRates(range).value;
  const env = environment.value;
  const newest = recentInteractions.value.filter((one) => env === "" || one.environment.name === env);
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

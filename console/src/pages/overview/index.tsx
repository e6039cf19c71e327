/** Is all well? If not, where? Then the last hour. */

import { useComputed } from "@preact/signals";
import { Selection, type StoredTrace, TracesQuery } from "protocol";
import { useMemo } from "preact/hooks";
import { environment, to } from "~/app/router";
import { bytes, count, counted, duration, short, span, success, time } from "~/logic/format";
import { type Concern, concerns, lastHour, minutes, total, type VersionSums, versionSums } from "~/logic/overview";
import type { Sums } from "~/logic/sums";
import { Chart } from "~/parts/chart";
import { Icon } from "~/parts/icons";
import { Empty, LevelName, Problem, ServiceName, State, SuccessRate } from "~/parts/states";
import { callsSpan, recentCalls, useCalls } from "~/store/calls";
import { now } from "~/store/clock";
import { connection } from "~/store/connection";
import { failures, hourError, useHour } from "~/store/hour";
import { pulse, pulses } from "~/store/pulse";
import { useAnswer } from "~/store/questions";
import { livePlaces, places, serviceOfNode } from "~/store/table";

const TRACES_SHOWN = 8;
const VERSIONS_SHOWN = 8;

export function OverviewPage() {
  useCalls();
  return (
    <div class="page overview">
      <h1 class="visually-hidden">Overview</h1>
      <Attention />
      <Rates />
      <div class="overview-columns">
        <FailedTraces />
        <Versions />
      </div>
    </div>
  );
}

// --- what needs attention -------------------------------------------------------------------------

function Attention() {
  const known = useComputed(() => ({ ...pulse.value, places: places.value, environment: environment.value }));
  const found = concerns(known.value);
  if (pulse.value.server === null) return <p class="verdict muted">{connection.value === "live" ? "Looking…" : "Connecting…"}</p>;
  return (
    <section aria-labelledby="verdict">
      <div class="verdict">
        <h2 id="verdict" class={`state tone-${found.length === 0 ? "ok" : (found[0]?.tone ?? "warn")}`}>
          <Icon name={found.length === 0 ? "ok" : "warn"} />
          {found.length === 0 ? "All is well" : `${counted(found.length, "thing needs", "things need")} attention`}
        </h2>
        <Facts />
      </div>
      {found.length > 0 && (
        <ul class="card concerns">
          {found.map((one) => (
            <li key={one.key}>
              <ConcernRow of={one} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function ConcernRow({ of }: { readonly of: Concern }) {
  return (
    <a class="concern" href={to(of.path)}>
      <State tone={of.tone} icon={of.icon}>
        {of.what}
      </State>
      <span class="concern-service">{of.service !== "" && <ServiceName service={of.service} />}</span>
      <span class="concern-text">{of.text}</span>
      <span class="muted concern-since">{of.since === null ? "" : `for ${span((now.value - of.since) / 1000)}`}</span>
    </a>
  );
}

function Facts() {
  const seen = livePlaces.value.filter((place) => environment.value === "" || place.environment === environment.value);
  const server = pulse.value.server;
  return (
    <p class="muted">
      {counted(new Set(seen.map((place) => place.service)).size, "service")} · {counted(seen.length, "node")}
      {server !== null && ` · ${counted(server.connections, "connection")}`}
      {server?.storage !== undefined && ` · ${bytes(server.storage.bytes)} stored`}
    </p>
  );
}

// --- the last hour --------------------------------------------------------------------------------

function Rates() {
  const minute = useComputed(() => lastHour(now.value).since);
  const sums = useHour();
  const since = minute.value;
  const seen = useMemo(() => (sums === null ? null : minutes(sums, since, environment.value)), [sums, since, environment.value]);
  const system = useComputed(() => systemSeries(pulse.value));
  if (hourError.value !== null) return <Problem text={hourError.value} />;
  const own = seen;
  if (own === null) return <div class="charts" aria-busy="true" />;
  const [calls, failed, errors] = [total(own.calls), total(own.failed), total(own.errors)];
  const latest = pulse.value.server;
  return (
    <div class="charts">
      <Chart
        title="Calls a minute"
        summary={calls === 0 ? "none in the last hour" : `${success(calls - failed, failed)} of ${short(calls)} worked`}
        times={own.times}
        series={useSeries([["calls", "accent", own.calls], ["failed", "bad", own.failed]])}
        sync="hour"
      />
      <Chart
        title="Logs a minute"
        summary={`${short(total(own.logs))}, ${counted(errors, "error")}`}
        times={own.times}
        series={useSeries([["logs", "muted", own.logs], ["errors", "bad", own.errors]])}
        sync="hour"
      />
      <Chart
        title="Connections"
        summary={latest === null ? "" : count(latest.connections)}
        times={system.value.times}
        series={useSeries([["connections", "accent", system.value.connections]])}
        sync="page"
      />
      <Chart
        title="Stored"
        summary={latest?.storage === undefined ? "nothing" : bytes(latest.storage.bytes)}
        times={system.value.times}
        series={useSeries([["stored", "accent", system.value.bytes]])}
        format={bytes}
        sync="page"
      />
      <Chart
        title="Waiting to be stored"
        summary={latest === null ? "" : latest.failing ? "storage fails" : count(latest.waiting)}
        times={system.value.times}
        series={useSeries([["waiting", "warn", system.value.waiting]])}
        sync="page"
      />
      <Chart
        title="Lost: dropped or rejected"
        summary={count(system.value.lost.at(-1) ?? 0)}
        times={system.value.times}
        series={useSeries([["lost", "bad", system.value.lost]])}
        sync="page"
      />
    </div>
  );
}

type Line = readonly [label: string, colour: "ok" | "bad" | "accent" | "muted" | "warn", values: readonly (number | null)[]];

function useSeries(lines: readonly Line[]) {
  return lines.map(([label, colour, values]) => ({ label, colour, values }));
}

/** What the server said, over the last hour; `_pulse` is read so that a pulse makes it anew. */
function systemSeries(_pulse: unknown) {
  const samples = pulses.samples;
  return {
    times: samples.map((one) => one.at / 1000),
    connections: samples.map((one) => one.connections),
    waiting: samples.map((one) => one.waiting),
    bytes: samples.map((one) => one.bytes),
    lost: samples.map((one) => one.lost),
  };
}

// --- what fails -----------------------------------------------------------------------------------

function FailedTraces() {
  const wanted = new Selection({ failed: true, ...(environment.value === "" ? {} : { environment: environment.value }) });
  const answer = useAnswer("traces", new TracesQuery({ wanted, limit: TRACES_SHOWN }), failures.value);
  const { data, error } = answer.value;
  return (
    <section class="card" aria-labelledby="failed-title">
      <div class="card-head">
        <h2 id="failed-title">Latest failed traces</h2>
        <a href={to("/traces", { failed: "1" })}>All</a>
      </div>
      {error !== null && <Problem text={error} />}
      {data !== null && data.items.length === 0 && <Empty title="No trace has failed" />}
      <ul class="failed">
        {data?.items.map((one) => (
          <li key={one.traceId}>
            <TraceRow trace={one} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function TraceRow({ trace }: { readonly trace: StoredTrace }) {
  return (
    <a class="failed-trace" href={to(`/t/${trace.traceId}`)}>
      <time class="muted">{time(trace.start)}</time>
      <LevelName level={trace.worstLevel ?? "ERROR"} />
      <span class="ellipsis">{(trace.firstError ?? "A call failed").split("\n")[0]}</span>
      <span class="muted failed-services ellipsis">{trace.services.filter((name) => name !== "").join(", ")}</span>
      <span class="muted number">{duration(trace.end - trace.start)}</span>
    </a>
  );
}

function Versions() {
  const data = lastOf(useHour());
  const sums = data === null ? [] : versionSums(data, recentCalls.value, serviceOfNode.value, environment.value);
  const shown = sums.slice(0, VERSIONS_SHOWN);
  return (
    <section class="card" aria-labelledby="versions-title">
      <div class="card-head">
        <h2 id="versions-title">Versions, those that fail first</h2>
        <a href={to("/services", { bad: "1" })}>Services</a>
      </div>
      {data !== null && sums.length === 0 ? (
        <Empty title="Nothing has been called or logged" />
      ) : (
        <div class="table-scroll">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">Version</th>
              <th scope="col">Calls, {callsSpan.value}</th>
              <th scope="col" class="number">Errors, 1 h</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <VersionRow key={`${one.service} ${one.version}`} of={one} />
            ))}
          </tbody>
        </table>
        </div>
      )}
    </section>
  );
}

function lastOf(sums: Sums | null): Sums | null {
  if (sums === null) return null;
  const { since } = lastHour(now.value);
  return { calls: sums.calls, logs: sums.logs.filter((one) => one.start >= since) };
}

function VersionRow({ of }: { readonly of: VersionSums }) {
  return (
    <tr>
      <td>
        <a href={to(`/services/${encodeURIComponent(of.service)}`)} class="quiet-link">
          <ServiceName service={of.service} />
        </a>
      </td>
      <td class="mono">{of.version}</td>
      <td>
        <SuccessRate ok={of.ok} failed={of.failed} />
      </td>
      <td class="number">
        {of.errors === 0 ? <span class="muted">0</span> : <a href={to("/logs", { service: of.service, level: "ERROR" })}>{count(of.errors)}</a>}
      </td>
    </tr>
  );
}

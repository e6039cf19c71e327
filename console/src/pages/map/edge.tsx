/** One edge: how it fares, over time, and the calls that failed. */

import { InteractionsQuery, Selection, type StoredInteraction } from "protocol";
import { to } from "~/app/router";
import type { MapEdge } from "~/logic/call-map";
import { time } from "~/logic/filters";
import { clock, count, duration, short, success } from "~/logic/format";
import { Icon } from "~/parts/icons";
import { Empty, Problem, ServiceName, SuccessRate } from "~/parts/states";
import { useAnswer } from "~/store/questions";
import { addressOf } from "~/store/names";

const LISTED = 50;
const ASKED = 200;
const MINUTE_MS = 60_000;

export function perMinute(edge: MapEdge, minutes: number): string {
  return short((edge.ok + edge.failed) / minutes);
}

function failedAt(one: StoredInteraction, callee: string): string | undefined {
  return Object.entries(one.results).find(([node, worked]) => worked !== 1 && (one.callees[node] ?? "") === callee)?.[0];
}

export function EdgeDetails({ edge, range, minutes, close }: { readonly edge: MapEdge; readonly range: string; readonly minutes: number; readonly close: () => void }) {
  const since = Math.floor((time(range, Date.now()) ?? 0) / MINUTE_MS) * MINUTE_MS;
  const answer = useAnswer("interactions", edge.failed === 0 ? null : new InteractionsQuery({ wanted: new Selection({ service: edge.caller, failed: true, since }), limit: ASKED }), edge.failed);
  const failed = (answer.value.data?.items ?? []).filter((one) => failedAt(one, edge.callee) !== undefined).slice(0, LISTED);
  return (
    <aside class="details" aria-label="Edge">
      <header class="details-head">
        <ServiceName service={edge.caller} />
        <Icon name="right" label="calls" />
        <ServiceName service={edge.callee} />
        <button type="button" class="plain" onClick={close} aria-label="Close details">
          <Icon name="close" />
        </button>
      </header>
      <SuccessRate ok={edge.ok} failed={edge.failed} />
      <History edge={edge} />
      <dl class="details-list">
        <div><dt>Calls</dt><dd>{count(edge.ok + edge.failed)} · {perMinute(edge, minutes)} a minute</dd></div>
        <div><dt>Failed</dt><dd>{count(edge.failed)}</dd></div>
        <div><dt>Last 2 minutes</dt><dd>{edge.recentOk + edge.recentFailed === 0 ? "no calls" : `${success(edge.recentOk, edge.recentFailed)} worked`}</dd></div>
        {edge.p50 !== null && edge.p95 !== null && <div><dt>Took</dt><dd>half {duration(edge.p50)} or less, 95 % {duration(edge.p95)}</dd></div>}
      </dl>
      {edge.failed > 0 && (
        <section class="map-failed">
          <h2>Failed calls, newest first</h2>
          {answer.value.error !== null && <Problem text={answer.value.error} />}
          {failed.length === 0 && !answer.value.loading && <Empty title="None of the newest" />}
          <ul>
            {failed.map((one) => (
              <li key={one.position}>
                <a href={to(`/t/${one.traceId}`)}>
                  <span class="mono">{clock(one.end)}</span>
                  <span class="mono ellipsis">{addressOf(failedAt(one, edge.callee) ?? "")}</span>
                  <span>{duration(one.end - one.start)}</span>
                </a>
              </li>
            ))}
          </ul>
          <a href={to("/traces", { service: edge.caller, failed: "1", since: range })}>All failed traces of {edge.caller || "unknown"}</a>
        </section>
      )}
    </aside>
  );
}

/** Calls over time: bars, what failed at their feet. */
function History({ edge }: { readonly edge: MapEdge }) {
  const most = Math.max(1, ...edge.history.map((span) => span.ok + span.failed));
  return (
    <div class="map-history" role="img" aria-label={`${count(edge.ok)} calls worked, ${count(edge.failed)} failed`}>
      {edge.history.map((span) => (
        <span key={span.start} class="map-span" title={`${clock(span.start).slice(0, 5)}: ${span.ok} worked, ${span.failed} failed`}>
          <span class="map-span-ok" style={{ height: `${(100 * span.ok) / most}%` }} />
          <span class="map-span-bad" style={{ height: `${(100 * span.failed) / most}%` }} />
        </span>
      ))}
    </div>
  );
}

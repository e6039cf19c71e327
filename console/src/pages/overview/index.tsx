/** Is all well? If not, where? */

import { environment, to } from "~/app/router";
import { count, counted, span, success } from "~/logic/format";
import { sum } from "~/logic/services";
import { ServiceName, State } from "~/parts/states";
import { now } from "~/store/clock";
import { callsByNode } from "~/store/calls";
import { pulse } from "~/store/pulse";
import { livePlaces } from "~/store/table";

export function OverviewPage() {
  const seen = livePlaces.value.filter((place) => environment.value === "" || place.environment === environment.value);
  const calls = sum(callsByNode.value.values());
  const open = [...pulse.value.breakers.values()].flat();
  return (
    <div class="page">
      <div class="page-head">
        <h1>Overview</h1>
      </div>
      <div class="figures">
        <Figure name="Calls that worked" value={success(calls.ok, calls.failed) || "–"} note={`${count(calls.failed)} of ${count(calls.ok + calls.failed)} failed in 15 minutes`} />
        <Figure name="Nodes" value={count(seen.length)} note={counted(new Set(seen.map((place) => place.service)).size, "service")} />
        <Figure name="Open breakers" value={count(open.length)} note={open.length === 0 ? "nobody is cut off" : "as callers report them"} />
      </div>
      <section class="card overview-list" aria-labelledby="breakers-title">
        <div class="card-head">
          <h2 id="breakers-title">Breakers that are not closed</h2>
        </div>
        {open.length === 0 ? (
          <p class="muted overview-none">None.</p>
        ) : (
          <ul>
            {open.map((one) => (
              <li key={`${one.client} ${one.breaker.service} ${one.breaker.address}`}>
                <State tone={one.breaker.state === "OPEN" ? "bad" : "warn"} icon={one.breaker.state === "OPEN" ? "open" : "half"}>
                  {one.breaker.state === "OPEN" ? "open" : "half-open"}
                </State>
                <a href={to(`/services/${encodeURIComponent(one.breaker.service)}`)}>
                  <ServiceName service={one.breaker.service} />
                </a>
                <span class="mono ellipsis">{one.breaker.address}</span>
                <span class="muted">{span((now.value - one.breaker.since) / 1000)}</span>
              </li>
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

function Figure({ name, value, note }: { readonly name: string; readonly value: string; readonly note: string }) {
  return (
    <section class="card figure">
      <h2>{name}</h2>
      <p class="figure-value">{value}</p>
      <p class="muted">{note}</p>
    </section>
  );
}

/** One node: where it is, since when, how it is seen; and what may be done about it. */

import { to } from "~/app/router";
import { clock, count, counted, dateTime, span } from "~/logic/format";
import type { NodeRow } from "~/logic/services";
import { Confirmed } from "~/parts/confirm";
import { Icon } from "~/parts/icons";
import { ServiceName, SuccessRate } from "~/parts/states";
import { now } from "~/store/clock";
import { pulse } from "~/store/pulse";
import { Breaker, NodeState, Renewal } from "./rows";

const CHANGES_SHOWN = 8;

export function NodeDetails({ row, close }: { readonly row: NodeRow; readonly close: () => void }) {
  const { place, life } = row;
  const lives = place.goneAt === null ? life : null;
  const { environment, service, address } = place;
  const changes = pulse.value.changes.filter(({ breaker }) => breaker.address === address && breaker.service === service && breaker.environment.name === environment).slice(0, CHANGES_SHOWN);
  const properties = Object.entries(place.properties).filter(([name]) => !name.startsWith("datawire_"));
  return (
    <aside class="details" aria-label="Node">
      <header class="details-head">
        <ServiceName service={service} />
        <span class="mono muted">{place.version}</span>
        <button type="button" class="plain" onClick={close} aria-label="Close details">
          <Icon name="close" />
        </button>
      </header>
      <p class="mono node-address">{address}</p>
      <p class="node-state">
        <NodeState row={row} />
        <SuccessRate ok={row.calls.ok} failed={row.calls.failed} />
      </p>
      <div class="node-acts">
        <a class="button" href={to("/logs", { node: place.nodeId })}>
          <Icon name="logs" /> Its logs
        </a>
        {place.goneAt === null && (
          <Confirmed
            does="Remove node"
            icon="gone"
            question={`Remove ${address} of ${service}?`}
            method="DELETE"
            address={`/api/nodes?${new URLSearchParams({ environment, service, address })}`}
            done={close}
          >
            Nobody is led there any more. If its process lives, it comes back by itself with its next renewal.
          </Confirmed>
        )}
      </div>
      <dl class="details-list">
        <div><dt>Environment</dt><dd>{environment}{place.fallback !== undefined && <span class="muted">, else {place.fallback}</span>}</dd></div>
        <div><dt>Process</dt><dd class="mono">{place.nodeId}{row.senders > 1 && <span class="muted"> and {row.senders - 1} more</span>}</dd></div>
        {lives !== null && (
          <>
            <div><dt>Up since</dt><dd>{dateTime(lives.sinceAt)} <span class="muted">({span((now.value - lives.sinceAt) / 1000)})</span></dd></div>
            <div><dt>Renewed</dt><dd>{span((now.value - lives.renewedAt) / 1000)} ago</dd></div>
            <div><dt>Expires in</dt><dd><Renewal lapsesAt={lives.lapsesAt} renewedAt={lives.renewedAt} /></dd></div>
          </>
        )}
        <div><dt>Breaker</dt><dd><Breaker row={row} /></dd></div>
        {row.breakers.map(({ client, services, breaker }) => (
          <div key={client}><dt>…of {services[0] ?? client.slice(0, 8)}</dt><dd>{breaker.state.toLowerCase()}, {counted(breaker.failures, "failure")} in a row{breaker.since > 0 && `, since ${clock(breaker.since).slice(0, 8)}`}</dd></div>
        ))}
        <div><dt>Calls</dt><dd>{count(row.calls.ok + row.calls.failed)}, {count(row.calls.failed)} failed</dd></div>
        {properties.map(([name, value]) => (
          <div key={name}><dt class="mono">{name}</dt><dd class="mono">{typeof value === "string" ? value : JSON.stringify(value)}</dd></div>
        ))}
      </dl>
      {changes.length > 0 && (
        <section>
          <h2 class="node-title">Breaker, since this page was opened</h2>
          <ul class="node-changes">
            {changes.map((one) => (
              <li key={`${one.at} ${one.client}`}>
                <span class="mono">{clock(one.at).slice(0, 8)}</span> {one.breaker.state.toLowerCase()} <span class="muted">for {one.services[0] ?? one.client.slice(0, 8)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </aside>
  );
}

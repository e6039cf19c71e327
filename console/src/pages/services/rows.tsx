/** One row of the table of services. */

import { to } from "~/app/router";
import { counted, span } from "~/logic/format";
import type { NodeRow, Row, ServiceRow, VersionRow } from "~/logic/services";
import { Icon } from "~/parts/icons";
import { ServiceName, State, SuccessRate } from "~/parts/states";
import { callsSpan } from "~/store/calls";
import { now } from "~/store/clock";

const HEADS = ["Service", "Address", "State", "Expires in", "Up for", "Breaker"];

export function ServiceHead() {
  return (
    <div role="row" aria-rowindex={1} class="services-row services-head">
      {[...HEADS, `Calls, ${callsSpan.value}`].map((head) => (
        <span key={head} role="columnheader">
          {head}
        </span>
      ))}
    </div>
  );
}

export function ServiceRowView({ row, toggle }: { readonly row: Row; readonly toggle: () => void }) {
  return row.kind === "node" ? <NodeCells row={row} /> : <GroupCells row={row} toggle={toggle} />;
}

function GroupCells({ row, toggle }: { readonly row: ServiceRow | VersionRow; readonly toggle: () => void }) {
  return (
    <>
      <span role="rowheader" class="services-name">
        <button type="button" class="twisty" tabIndex={-1} onClick={toggle} aria-label={row.isOpen ? "Close" : "Open"}>
          <Icon name={row.isOpen ? "down" : "right"} />
        </button>
        {row.kind === "service" ? (
          <a href={to(`/services/${encodeURIComponent(row.service)}`)} tabIndex={-1}>
            <ServiceName service={row.service} />
          </a>
        ) : (
          <span class="mono">{row.version}</span>
        )}
      </span>
      <span role="gridcell" class="muted">
        {row.kind === "service" ? row.environment : ""}
      </span>
      <span role="gridcell">
        <GroupState row={row} />
      </span>
      <span role="gridcell" />
      <span role="gridcell" />
      <span role="gridcell">
        {row.openBreakers > 0 && (
          <State tone="bad" icon="open">
            {counted(row.openBreakers, "node")} cut off
          </State>
        )}
      </span>
      <span role="gridcell">
        <SuccessRate ok={row.calls.ok} failed={row.calls.failed} />
      </span>
    </>
  );
}

function GroupState({ row }: { readonly row: ServiceRow | VersionRow }) {
  if (row.up + row.suspect === 0) return <State tone="bad" icon="bad">no node left</State>;
  if (row.suspect > 0) return <State tone="warn" icon="warn">{`${row.up} up, ${row.suspect} out of touch`}</State>;
  return <State tone="ok" icon="ok">{`${row.up} up`}</State>;
}

function NodeCells({ row }: { readonly row: NodeRow }) {
  const { place, life } = row;
  const lives = place.goneAt === null ? life : null;
  return (
    <>
      <span role="rowheader" class="services-name mono muted" title={place.nodeId}>
        {place.nodeId.slice(0, 8)}
        {row.senders > 1 && ` +${row.senders - 1}`}
      </span>
      <span role="gridcell" class="mono services-address" title={place.address}>
        {place.address}
      </span>
      <span role="gridcell">
        <NodeState row={row} />
      </span>
      <span role="gridcell">{lives !== null && <Renewal lapsesAt={lives.lapsesAt} renewedAt={lives.renewedAt} />}</span>
      <span role="gridcell" class="muted">
        {lives === null ? "" : span((now.value - lives.sinceAt) / 1000)}
      </span>
      <span role="gridcell">
        <Breaker row={row} />
      </span>
      <span role="gridcell">
        <SuccessRate ok={row.calls.ok} failed={row.calls.failed} />
      </span>
    </>
  );
}

export function NodeState({ row }: { readonly row: NodeRow }) {
  const { goneAt } = row.place;
  if (goneAt !== null) return <State tone="quiet" icon="gone">{`gone ${span((now.value - goneAt) / 1000)} ago`}</State>;
  if (row.health === "suspect") {
    return (
      <State tone="warn" icon="warn" title="Its process is out of touch: it is picked last">
        out of touch
      </State>
    );
  }
  return <State tone="ok" icon="ok">up</State>;
}

/** Counts down the time to live; a renewal fills it again. */
export function Renewal({ lapsesAt, renewedAt }: { readonly lapsesAt: number; readonly renewedAt: number }) {
  const ttl = Math.max(1, (lapsesAt - renewedAt) / 1000);
  const left = Math.min(ttl, Math.max(0, (lapsesAt - now.value) / 1000)); // `now` may be a second behind.
  return (
    <span class={`renewal tone-${left < ttl / 4 ? "warn" : "quiet"}`} title={`Renewed ${span((now.value - renewedAt) / 1000)} ago`}>
      <span class="renewal-text">{Math.round(left)} s</span>
      <span class="bar" aria-hidden="true">
        <span class="bar-fill" style={{ width: `${Math.min(100, (100 * left) / ttl)}%` }} />
      </span>
    </span>
  );
}

export function Breaker({ row }: { readonly row: NodeRow }) {
  if (row.place.goneAt !== null) return null;
  const first = row.breakers[0];
  if (first === undefined) return <span class="muted">closed</span>;
  const isOpen = row.breakers.some((one) => one.breaker.state === "OPEN");
  const who = [...new Set(row.breakers.flatMap((one) => (one.services.length > 0 ? one.services : [one.client.slice(0, 8)])))].join(", ");
  return (
    <State tone={isOpen ? "bad" : "warn"} icon={isOpen ? "open" : "half"} title={`As seen by ${who}: ${counted(first.breaker.failures, "failure")} in a row`}>
      {isOpen ? "open" : "half-open"} <span class="services-who">for {who}</span>
    </State>
  );
}

/** The map for those who would rather read: the same edges, worst first. */

import { health, type MapEdge } from "~/logic/call-map";
import { count, duration } from "~/logic/format";
import { ServiceName, State, SuccessRate } from "~/parts/states";
import { perMinute } from "./edge";

const ORDER = { bad: 0, warn: 1, ok: 2, idle: 3 } as const;

export function EdgeTable({ edges, minutes, chosen, choose }: { readonly edges: readonly MapEdge[]; readonly minutes: number; readonly chosen: string; readonly choose: (edge: MapEdge) => void }) {
  const sorted = [...edges].sort((a, b) => ORDER[health(a)] - ORDER[health(b)] || b.failed - a.failed || (a.key < b.key ? -1 : 1));
  return (
    <div class="map-table" tabIndex={0} role="region" aria-label="Table of calls">
      <table>
        <thead>
          <tr>
            {["Caller", "Callee", "State", "Success", "A minute", "Failed", "p50", "p95"].map((head) => (
              <th key={head} scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((edge) => (
            <tr key={edge.key} class={edge.key === chosen ? "is-chosen" : ""} onClick={() => choose(edge)}>
              <td><ServiceName service={edge.caller} /></td>
              <th scope="row">
                <button type="button" class="link" aria-pressed={edge.key === chosen} onClick={(event) => { event.stopPropagation(); choose(edge); }}>
                  <ServiceName service={edge.callee} />
                </button>
              </th>
              <td><Health edge={edge} /></td>
              <td><SuccessRate ok={edge.ok} failed={edge.failed} /></td>
              <td class="number">{perMinute(edge, minutes)}</td>
              <td class="number">{count(edge.failed)}</td>
              <td class="number">{edge.p50 === null ? "" : duration(edge.p50)}</td>
              <td class="number">{edge.p95 === null ? "" : duration(edge.p95)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Health({ edge }: { readonly edge: MapEdge }) {
  const kind = health(edge);
  if (kind === "bad") return <State tone="bad" icon="bad">broken</State>;
  if (kind === "warn") return <State tone="warn" icon="warn">some fail</State>;
  return kind === "ok" ? <State tone="ok" icon="ok">works</State> : <State tone="quiet" icon="gone">idle</State>;
}

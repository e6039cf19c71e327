/** The server itself: who is connected, what is stored, what was lost, and its limits. */

import { bytes, count, span } from "~/logic/format";
import { Empty, State } from "~/parts/states";
import { pulse } from "~/store/pulse";

export function SystemPage() {
  const { server, clients } = pulse.value;
  if (server === null) return <Empty title="Waiting for the server…" />;
  return (
    <div class="page">
      <div class="page-head">
        <h1>System</h1>
        <span class="summary">
          mdk {server.mdkVersion} · up for {span(server.uptime)}
        </span>
      </div>
      <section class="card" aria-labelledby="clients-title">
        <div class="card-head">
          <h2 id="clients-title">Clients</h2>
        </div>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Client</th>
              <th scope="col">Services</th>
              <th scope="col">Version</th>
              <th scope="col" class="number">Emitted</th>
              <th scope="col" class="number">Queued</th>
              <th scope="col" class="number">Dropped</th>
            </tr>
          </thead>
          <tbody>
            {clients.map((client) => (
              <tr key={client.node}>
                <td class="mono">{client.node.slice(0, 8)}</td>
                <td>{client.services.join(", ")}</td>
                <td>{client.original ? "original" : client.mdkVersion}</td>
                <td class="number">{count(client.emitted)}</td>
                <td class="number">{count(client.queued)}</td>
                <td class="number">{client.dropped === 0 ? "0" : <State tone="bad" icon="warn">{count(client.dropped)}</State>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {server.storage !== undefined && <p class="muted">{bytes(server.storage.bytes)} stored</p>}
    </div>
  );
}

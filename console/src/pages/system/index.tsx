/** The server itself: who is connected, what is stored, what was lost. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { ClientState, ServerState, TenantLimits } from "protocol";
import { bytes, count, counted, dateTime, span } from "~/logic/format";
import { counterWords, inOrder } from "~/logic/system";
import { Confirmed } from "~/parts/confirm";
import { Empty, ServiceName, State } from "~/parts/states";
import { now } from "~/store/clock";
import { connection } from "~/store/connection";
import { pulse } from "~/store/pulse";

export function SystemPage() {
  const { server, clients } = pulse.value;
  if (server === null) return <Empty title={connection.value === "live" ? "Waiting for the server…" : "Connecting…"} />;
  return (
    <div class="page system">
      <div class="page-head">
        <h1>System</h1>
        <span class="summary">
          mdk {server.mdkVersion} · up for {span(server.uptime)}
        </span>
      </div>
      <div class="system-cards">
        <ServerCard server={server} />
        <StorageCard server={server} />
        <LimitsCard server={server} />
        <CountersCard server={server} />
      </div>
      <Clients clients={clients} />
      <div class="system-acts">
        <Confirmed does="Forget all nodes" icon="gone" question="Forget every node of this tenant?" method="POST" address="/api/clear">
          The table is emptied for all who follow it. Nodes that live come back by themselves with their next renewal; until then calls may find nobody.
        </Confirmed>
      </div>
    </div>
  );
}

function Card({ title, isWide = false, children }: { readonly title: string; readonly isWide?: boolean; readonly children: ComponentChildren }) {
  return (
    <section class={isWide ? "card system-wide" : "card"} aria-label={title}>
      <div class="card-head">
        <h2>{title}</h2>
      </div>
      <dl class="pairs">{children}</dl>
    </section>
  );
}

function Pair({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function ServerCard({ server }: { readonly server: ServerState }) {
  return (
    <Card title="Server">
      <Pair name="Version">{server.mdkVersion}</Pair>
      <Pair name="Up for">{span(server.uptime)}</Pair>
      <Pair name="Table">
        {server.protected !== undefined ? (
          <State tone="warn" icon="warn" title={server.protected}>
            no node expires
          </State>
        ) : server.warm ? (
          <State tone="info" icon="warn">just started: last known nodes</State>
        ) : (
          <State tone="ok" icon="ok">complete</State>
        )}
      </Pair>
      <Pair name="Storing">
        {server.failing ? <State tone="bad" icon="bad">fails; senders keep what they have</State> : <State tone="ok" icon="ok">works</State>}
      </Pair>
      <Pair name="Waiting to be stored">{count(server.waiting)}</Pair>
    </Card>
  );
}

function StorageCard({ server: { storage } }: { readonly server: ServerState }) {
  const { limits } = pulse.value;
  if (storage === undefined) return <Card title="Storage"><Pair name="Stored">nothing yet</Pair>{limits !== null && <Retention limits={limits} />}</Card>;
  return (
    <Card title="Storage">
      <Pair name="On disk">{limits === null || limits.bytes === 0 ? bytes(storage.bytes) : `${bytes(storage.bytes)} of ${bytes(limits.bytes)}`}</Pair>
      <Pair name="Logs">{count(storage.logs)}</Pair>
      <Pair name="Interactions">{count(storage.interactions)}</Pair>
      <Pair name="Files">
        {count(storage.segments)}
        {storage.droppedSegments > 0 && <span class="muted">, {count(storage.droppedSegments)} dropped by age or size</span>}
      </Pair>
      <Pair name="Goes back to">
        {storage.oldest === undefined ? "–" : <span title={dateTime(storage.oldest)}>{span((now.value - storage.oldest) / 1000)} ago</span>}
      </Pair>
      {limits !== null && <Retention limits={limits} />}
    </Card>
  );
}

/** How long what is stored stays: until it is too old, or too much. */
function Retention({ limits }: { readonly limits: TenantLimits }) {
  if (limits.bytes === 0) return null;
  return (
    <>
      <Pair name="Is kept for">{span(limits.age)}, or up to {bytes(limits.bytes)}</Pair>
      <Pair name="Failing traces">{limits.keptBytes === 0 ? "no longer than others" : `${span(limits.keptAge)}, up to ${bytes(limits.keptBytes)} of these`}</Pair>
    </>
  );
}

/** What is used of what the tenant may have. */
function LimitsCard({ server }: { readonly server: ServerState }) {
  const { limits, viewer } = pulse.value;
  if (limits === null || viewer === null) return null;
  return (
    <Card title="Tenant">
      <Pair name="Name">{viewer.tenant}</Pair>
      <Pair name="You">{viewer.subject === "" ? (viewer.signed ? "not named" : "anybody: no keys are set") : viewer.subject}</Pair>
      <Pair name="You may">{viewer.scopes.join(", ")}</Pair>
      <Used name="Connections" value={server.connections} max={limits.connections} />
      <Used name="Nodes" value={server.nodes} max={limits.nodes} />
      <Pair name="Logs a second, at most">{limits.logsPerSecond === 0 ? "no limit" : count(limits.logsPerSecond)}</Pair>
    </Card>
  );
}

function Used({ name, value, max }: { readonly name: string; readonly value: number; readonly max: number }) {
  const isNear = value > 0.9 * max;
  return (
    <Pair name={name}>
      {isNear ? (
        <State tone="warn" icon="warn">
          {count(value)} of {count(max)}
        </State>
      ) : (
        `${count(value)} of ${count(max)}`
      )}
    </Pair>
  );
}

function CountersCard({ server }: { readonly server: ServerState }) {
  return (
    <Card title="Since the server started" isWide>
      {counterWords(server.counters).map(({ name, value, isLoss }) => (
        <Pair key={name} name={name}>
          {isLoss && value > 0 ? (
            <State tone="bad" icon="warn">
              {count(value)}
            </State>
          ) : (
            count(value)
          )}
        </Pair>
      ))}
    </Card>
  );
}

function Clients({ clients }: { readonly clients: readonly ClientState[] }) {
  const showsConsoles = useSignal(false);
  const apps = clients.filter((client) => client.mdkVersion !== "console");
  const shown = showsConsoles.value ? clients : apps;
  const consoles = clients.length - apps.length;
  const dropping = apps.filter((client) => client.dropped > 0).length;
  const buffering = apps.filter((client) => client.queued > 0).length;
  return (
    <section class="card" aria-labelledby="clients-title">
      <div class="card-head">
        <h2 id="clients-title">
          Clients <span class="muted">{counted(apps.length, "application")} · {dropping === 0 ? "none dropped anything" : `${dropping} dropped messages`} · {buffering === 0 ? "none buffers" : `${buffering} buffering`}</span>
        </h2>
        <label class="muted check">
          <input type="checkbox" checked={showsConsoles.value} onChange={(event) => (showsConsoles.value = event.currentTarget.checked)} /> consoles ({consoles})
        </label>
      </div>
      <div class="table-scroll">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Services</th>
              <th scope="col">Client</th>
              <th scope="col">Environment</th>
              <th scope="col">mdk</th>
              <th scope="col" class="number">Logs emitted</th>
              <th scope="col" class="number">Queued</th>
              <th scope="col" class="number">Dropped</th>
            </tr>
          </thead>
          <tbody>
            {inOrder(shown).map((client) => (
              <ClientRow key={client.node} client={client} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function ClientRow({ client }: { readonly client: ClientState }) {
  return (
    <tr>
      <td>
        <span class="system-services">
          {client.services.length === 0 ? <span class="muted">{client.mdkVersion === "console" ? "console" : "offers nothing"}</span> : client.services.map((name) => <ServiceName key={name} service={name} />)}
        </span>
      </td>
      <td class="mono" title={client.node}>{client.node.slice(0, 8)}</td>
      <td>{client.environment.name}</td>
      <td>{client.original ? <span title="A client of 2016: it says nothing of itself">original</span> : client.mdkVersion}</td>
      <td class="number">{client.original ? "" : count(client.emitted)}</td>
      <td class="number">{client.queued === 0 ? <span class="muted">0</span> : count(client.queued)}</td>
      <td class="number">
        {client.dropped === 0 ? (
          <span class="muted">0</span>
        ) : (
          <State tone="bad" icon="warn">
            {count(client.dropped)}
          </State>
        )}
      </td>
    </tr>
  );
}

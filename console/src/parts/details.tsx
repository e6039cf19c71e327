/** Everything about one log or interaction, beside the list that it is from. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { to } from "~/app/router";
import { clock, dateTime, duration } from "~/logic/format";
import type { LogEntry } from "~/logic/log-buffer";
import { addressOf, serviceOf } from "~/store/names";
import { CopyButton } from "./copy-button";
import { Icon } from "./icons";
import { LevelName, ServiceName, State } from "./states";

export type Detailed = Omit<LogEntry, "key">;

export interface Called {
  readonly start: number;
  readonly end: number;
  readonly failed: boolean;
  readonly results: Readonly<Record<string, number>>;
  readonly callees: Readonly<Record<string, string>>;
}

/** Seconds since the epoch, in the properties of a session with a deadline. */
export const DEADLINE = "timeout";

export function Details({ of, called, close, children }: { readonly of: Detailed; readonly called?: Called | undefined; readonly close: () => void; readonly children?: ComponentChildren }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const escape = (event: KeyboardEvent) => event.key === "Escape" && !event.defaultPrevented && close();
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, []);
  const { [DEADLINE]: deadline, ...properties } = of.properties;
  return (
    <aside ref={box} class="details" aria-label="Details">
      <header class="details-head">
        <ServiceName service={of.service} />
        {called === undefined ? <LevelName level={of.level} /> : <span class="muted">interaction</span>}
        <CopyButton what={() => JSON.stringify(called === undefined ? of : { ...of, ...called }, null, 2)} title="Copy as JSON" />
        <button type="button" class="plain" onClick={close} aria-label="Close details" title="Close (Esc)">
          <Icon name="close" />
        </button>
      </header>
      {called === undefined ? (
        <pre class="details-text" tabIndex={0}>
          {of.text}
        </pre>
      ) : (
        <Results of={called} />
      )}
      {children}
      <dl class="details-list">
        <Fact name="Time">
          {dateTime(of.timestamp)}
          <span class="muted">{clock(of.timestamp).slice(8)}</span>
        </Fact>
        {called !== undefined && <Fact name="Took">{duration(called.end - called.start)}</Fact>}
        {typeof deadline === "number" && <Fact name="Deadline"><Deadline at={deadline * 1000} from={of.timestamp} /></Fact>}
        {of.category !== "" && <Fact name="Category">{of.category}</Fact>}
        <Fact name="Version">{of.version || <span class="muted">unknown</span>}</Fact>
        <Fact name="Environment">{of.environment}</Fact>
        <Fact name="Node">
          <a class="mono" href={to("/logs", { node: of.node })} title={`Logs of ${of.node}`}>
            {addressOf(of.node)}
          </a>
        </Fact>
        <Fact name="Clock">
          <span class="mono">{of.clock.join(".")}</span>
        </Fact>
        <Fact name="Trace">
          <a class="mono" href={to(`/t/${of.traceId}`)}>
            {of.traceId}
          </a>
        </Fact>
        {Object.entries(properties).map(([name, value]) => (
          <Fact key={name} name={name}>
            <span class="mono">{typeof value === "string" ? value : JSON.stringify(value)}</span>
          </Fact>
        ))}
      </dl>
    </aside>
  );
}

export function Deadline({ at, from }: { readonly at: number; readonly from: number }) {
  const left = at - from;
  return left >= 0 ? <span>{duration(left)} left</span> : <span class="state tone-bad">{duration(-left)} over</span>;
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How it went, by node. */
export function Results({ of }: { readonly of: Called }) {
  return (
    <ul class="details-results">
      {Object.entries(of.results).map(([node, worked]) => (
        <li key={node}>
          <State tone={worked === 1 ? "ok" : "bad"} icon={worked === 1 ? "ok" : "bad"}>
            {worked === 1 ? "worked" : "failed"}
          </State>
          <ServiceName service={of.callees[node] || serviceOf(node)} />
          <span class="mono muted ellipsis">{addressOf(node)}</span>
        </li>
      ))}
    </ul>
  );
}

/** The protocol, as its specification says it: parts, states, messages; and where this very connection stands in it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { to } from "~/app/router";
import { Problem } from "~/parts/states";
import { connection, stateOf } from "~/store/connection";

interface Type {
  readonly doc: string;
  readonly wire?: string;
  readonly also?: readonly string[];
  readonly uses?: readonly string[];
  readonly fields: readonly { readonly text: string; readonly doc?: string }[];
}

interface State {
  readonly name: string;
  readonly start: boolean;
  readonly rules: readonly string[];
}

interface Part {
  readonly name: string;
  readonly doc: string;
  readonly liveIn: readonly string[];
  readonly more: readonly string[];
  readonly roles: readonly { readonly role: string; readonly always: readonly string[]; readonly states: readonly State[] }[];
  readonly messages: readonly string[];
}

/** What protocol.mjs makes of the specification. */
interface Protocol {
  readonly name: string;
  readonly doc: string;
  readonly version: string;
  readonly path: string;
  readonly parts: readonly Part[];
  readonly types: Readonly<Record<string, Type>>;
}

export function ProtocolPage({ rest }: { readonly rest: string }) {
  const loaded = useSignal<Protocol | null>(null);
  const error = useSignal<string | null>(null);
  useEffect(() => {
    fetch("/protocol.json")
      .then(async (answer) => {
        if (!answer.ok) throw new Error(`The server answers ${answer.status}.`);
        loaded.value = (await answer.json()) as Protocol;
      })
      .catch((failure: unknown) => {
        error.value = `The protocol could not be loaded: ${failure instanceof Error ? failure.message : String(failure)}`;
      });
  }, []);
  const protocol = loaded.value;
  const part = protocol?.parts.find((one) => one.name === rest) ?? protocol?.parts[0];
  return (
    <div class="page">
      <div class="page-head">
        <h1>Protocol</h1>
        {protocol !== null && (
          <span class="summary">
            {protocol.name} {protocol.version} on <code>{protocol.path}</code>: {protocol.doc}
          </span>
        )}
        <a href="/protocol.html" data-external>
          All of it on one page
        </a>
      </div>
      {error.value !== null && <Problem text={error.value} />}
      {protocol !== null && part !== undefined && (
        <div class="protocol">
          <nav class="protocol-parts" aria-label="Parts of the protocol">
            {protocol.parts.map((one) => (
              <a key={one.name} href={to(`/protocol/${one.name}`)} aria-current={one === part ? "true" : undefined}>
                {one.name}
              </a>
            ))}
          </nav>
          <PartView part={part} types={protocol.types} />
        </div>
      )}
    </div>
  );
}

function PartView({ part, types }: { readonly part: Part; readonly types: Protocol["types"] }) {
  const here = connection.value === "live" ? stateOf(part.name) : null;
  const records = reachable(part.messages, types);
  return (
    <article class="protocol-part">
      <h2>{part.name}</h2>
      <p>{part.doc}</p>
      {part.liveIn.length > 0 && <p class="muted">Live while the session is {part.liveIn.join(" or ")}.</p>}
      {part.more.map((line) => (
        <Rule key={line} text={line} types={types} />
      ))}
      <div class="protocol-roles">
        {part.roles.map((one) => (
          <section key={one.role} aria-label={`${part.name}, ${one.role}`}>
            <h3>{one.role}</h3>
            {one.always.length > 0 && <StateView name="in every state" rules={one.always} isHere={false} types={types} />}
            {one.states.map((state) => (
              <StateView key={state.name} name={state.name} rules={state.rules} isHere={one.role === "client" && state.name === here} types={types} />
            ))}
          </section>
        ))}
      </div>
      <h3>Messages</h3>
      <div class="protocol-types">
        {part.messages.map((name) => (
          <TypeView key={name} name={name} types={types} />
        ))}
      </div>
      {records.length > 0 && (
        <>
          <h3>Records in them</h3>
          <div class="protocol-types">
            {records.map((name) => (
              <TypeView key={name} name={name} types={types} />
            ))}
          </div>
        </>
      )}
    </article>
  );
}

/** The records that are inside of messages, and inside of these. */
function reachable(names: readonly string[], types: Protocol["types"]): readonly string[] {
  const found = new Set<string>();
  const add = (name: string) => {
    for (const inner of types[name]?.uses ?? []) {
      if (found.has(inner)) continue;
      found.add(inner);
      add(inner);
    }
  };
  names.forEach(add);
  return [...found];
}

function StateView({ name, rules, isHere, types }: { readonly name: string; readonly rules: readonly string[]; readonly isHere: boolean; readonly types: Protocol["types"] }) {
  return (
    <div class={`card protocol-state ${isHere ? "is-here" : ""}`}>
      <h4>
        {name}
        {isHere && <span class="here">this console is here</span>}
      </h4>
      {rules.length === 0 ? <p class="muted">Nothing of its own.</p> : rules.map((rule) => <Rule key={rule} text={rule} types={types} />)}
    </div>
  );
}

const WORDS = /(\b(?:recv|call|enter|after|every|lapse|when|send|tell|do|goto|hangup|fail|set|clear|lease|release|for|in|each|delivery|request|param|from|message|number|ack|batch|upto|resend|buffer|reply|timeout|pending)\b|->|\b[A-Z]\w+)/;

/** A line of the specification: its words stand out, and messages lead to what they hold. */
function Rule({ text, types }: { readonly text: string; readonly types: Protocol["types"] }) {
  return (
    <p class="rule">
      {text.split(WORDS).map((piece, index) => {
        if (index % 2 === 0) return piece;
        if (piece === "->") return <span class="arrow"> → </span>;
        if (types[piece] !== undefined) return <a href={`#${piece}`} data-external>{piece}</a>;
        return /^[A-Z]/.test(piece) ? piece : <b>{piece}</b>;
      })}
    </p>
  );
}

/** A comment of the specification. */
function Doc({ text }: { readonly text: string }) {
  return <p class="muted">{text.split("`").map((piece, index) => (index % 2 === 0 ? piece : <code>{piece}</code>))}</p>;
}

function TypeView({ name, types }: { readonly name: string; readonly types: Protocol["types"] }) {
  const type = types[name];
  if (type === undefined) return null;
  return (
    <section class="card protocol-type" id={name}>
      <h4>
        {name} {type.wire !== undefined && <code class="muted">"{type.wire}"</code>}
      </h4>
      {type.doc !== "" && <Doc text={type.doc} />}
      {type.also !== undefined && <p class="muted">Originals also say {type.also.map((one) => `"${one}"`).join(", ")}.</p>}
      <ul>
        {type.fields.map((field) => (
          <li key={field.text}>
            <Rule text={field.text} types={types} />
            {field.doc !== undefined && <Doc text={field.doc} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** How we stand with the server: live, or not; never silently stale. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { now } from "~/store/clock";
import { closed, connection } from "~/store/connection";
import { span } from "~/logic/format";

const WORDS = { connecting: "connecting", live: "live", reconnecting: "reconnecting", denied: "logged out" } as const;

/** When it came to be as it is. */
const since = signal(Date.now());

export function Connection() {
  const state = connection.value;
  useEffect(() => {
    since.value = Date.now();
  }, [state]);
  const seconds = Math.max(0, (now.value - since.value) / 1000);
  const word = WORDS[state];
  const said = state === "reconnecting" && seconds >= 3 ? `${word} · ${span(seconds)}` : word;
  const why = state === "live" ? "Connected: what you see is as it is now" : (closed.value ?? "What you see is as it was; we try again by ourselves");
  return (
    <span class={`connection connection-${state}`} title={why}>
      <span class="pulse" aria-hidden="true" />
      <span role="status">{word}</span>
      {said !== word && <span>{said.slice(word.length)}</span>}
    </span>
  );
}

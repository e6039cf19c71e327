/** DEBUG for ten minutes, of a service or of a trace: for who may, and written to the server's audit log. */

import { useSignal } from "@preact/signals";
import { time } from "~/logic/format";
import { may } from "~/store/pulse";
import { Icon } from "./icons";

const SECONDS = 600;

export function MoreDetail({ kind, name }: { readonly kind: "service" | "trace"; readonly name: string }) {
  const until = useSignal<number | null>(null);
  const said = useSignal("");
  if (!may("admin")) return null;
  const set = async (seconds: number) => {
    const query = new URLSearchParams({ [kind]: name, level: "DEBUG", seconds: String(seconds) });
    try {
      const answer = await fetch(`/api/level?${query}`, { method: "POST" });
      if (!answer.ok) throw new Error(((await answer.json()) as { detail?: string }).detail ?? answer.statusText);
      until.value = seconds === 0 ? null : Date.now() + seconds * 1000;
      said.value = seconds === 0 ? "As before" : `DEBUG until ${time(Date.now() + seconds * 1000).slice(0, 5)}`;
    } catch (error) {
      said.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <span class="more-detail">
      <button type="button" class="button" aria-pressed={until.value !== null} onClick={() => void set(until.value === null ? SECONDS : 0)}>
        <Icon name="logs" /> {until.value === null ? "DEBUG for 10 min" : "End DEBUG"}
      </button>
      <span class="muted" role="status">
        {said.value}
      </span>
    </span>
  );
}

/** The search box: a trace id, a service, or words. */

import { signal } from "@preact/signals";
import { useId } from "preact/hooks";
import { type Suggestion, suggest } from "~/logic/suggest";
import { Icon } from "~/parts/icons";
import { ServiceName } from "~/parts/states";
import { services } from "~/store/table";
import { go, to } from "./router";

const text = signal("");
const chosen = signal(0);
const isOpen = signal(false);
const INPUT_ID = "search";

export function focusSearch(): void {
  const input = document.getElementById(INPUT_ID);
  if (input instanceof HTMLInputElement) input.select();
}

function open(one: Suggestion): void {
  go(to(one.path, one.params));
  text.value = "";
  isOpen.value = false;
  (document.activeElement as HTMLElement | null)?.blur();
}

export function Search() {
  const found = isOpen.value ? suggest(text.value, services.value) : [];
  const list = useId();
  const keyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      isOpen.value = false;
      (event.currentTarget as HTMLElement).blur();
    } else if (event.key === "ArrowDown" && found.length > 0) chosen.value = (chosen.value + 1) % found.length;
    else if (event.key === "ArrowUp" && found.length > 0) chosen.value = (chosen.value + found.length - 1) % found.length;
    else if (event.key === "Enter") {
      const one = found[chosen.value];
      if (one !== undefined) open(one);
    } else return;
    event.preventDefault();
  };
  return (
    <div class="search" role="search">
      <Icon name="search" />
      <input
        id={INPUT_ID}
        type="text"
        role="combobox"
        placeholder="Service, trace id or words"
        aria-label="Search"
        aria-expanded={found.length > 0}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={found.length > 0 ? `${list}-${chosen.value}` : undefined}
        autocomplete="off"
        spellcheck={false}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          chosen.value = 0;
          isOpen.value = true;
        }}
        onFocus={() => (isOpen.value = true)}
        onBlur={() => (isOpen.value = false)}
        onKeyDown={keyDown}
      />
      <kbd aria-hidden="true">/</kbd>
      <ul id={list} role="listbox" aria-label="Suggestions" class="suggestions" hidden={found.length === 0}>
        {found.map((one, index) => (
          <li
            key={`${one.kind} ${one.text}`}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === chosen.value}
            onMouseDown={(event) => {
              event.preventDefault();
              open(one);
            }}
          >
            <Meaning of={one} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Meaning({ of }: { readonly of: Suggestion }) {
  if (of.kind === "service") return <ServiceName service={of.text} />;
  const words = { trace: "Trace", traces: "Traces with", logs: "Logs with" }[of.kind];
  return (
    <>
      <span class="muted">{words}</span> <span class="ellipsis">{of.text}</span>
    </>
  );
}

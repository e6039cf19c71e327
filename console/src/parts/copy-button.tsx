/** A button that copies, and says so. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { copy } from "./copy";
import { Icon, type IconName } from "./icons";

const SAID_MS = 1500;

export function CopyButton({ what, icon = "copy", children, title }: { readonly what: () => string; readonly icon?: IconName; readonly children?: ComponentChildren; readonly title: string }) {
  const said = useSignal<string | null>(null);
  const act = () => {
    copy(what()).then(
      () => (said.value = "Copied"),
      () => (said.value = "Not copied: the browser does not allow it"),
    );
    setTimeout(() => (said.value = null), SAID_MS);
  };
  return (
    <button type="button" class={children === undefined ? "plain" : "button"} onClick={act} title={title} aria-label={children === undefined ? title : undefined}>
      <Icon name={said.value === "Copied" ? "ok" : icon} />
      {children !== undefined && (said.value ?? children)}
      <span class="visually-hidden" role="status">
        {said.value ?? ""}
      </span>
    </button>
  );
}

/** Keys that work everywhere. Pages add their own, which the help lists while they are shown. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export interface Shortcut {
  /** As it is shown: "g s", "/", "f". Two characters with a space are pressed one after the other. */
  readonly keys: string;
  readonly does: string;
  readonly act: () => void;
}

export const shortcuts = signal<readonly Shortcut[]>([]);

/** So long the second key of two is waited for. */
const SECOND_KEY_MS = 1000;

/** Add shortcuts while a component is there. */
export function useShortcuts(own: readonly Shortcut[]): void {
  useEffect(() => {
    shortcuts.value = [...shortcuts.peek(), ...own];
    return () => {
      shortcuts.value = shortcuts.peek().filter((one) => !own.includes(one));
    };
  }, []);
}

export function startKeys(): void {
  let first = "";
  let firstAt = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const at = event.target;
    if (at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const pair = event.timeStamp - firstAt < SECOND_KEY_MS ? `${first} ${event.key}` : "";
    const found = shortcuts.value.findLast((one) => one.keys === pair) ?? shortcuts.value.findLast((one) => one.keys === event.key);
    [first, firstAt] = [event.key, event.timeStamp];
    if (found === undefined) return;
    event.preventDefault();
    first = "";
    found.act();
  });
}

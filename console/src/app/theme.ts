/** Light, dark, or as the system says. The colours are `light-dark()`; this only sets which of them hold. */

import { computed, effect, signal } from "@preact/signals";
import { remembered } from "~/store/questions";

export type Theme = "auto" | "light" | "dark";
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

export const theme = remembered<Theme>("mdk-theme", "auto", THEMES);

const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);
system.addEventListener("change", () => (systemIsDark.value = system.matches));

/** What is seen, for what is drawn without style sheets. */
export const isDark = computed(() => (theme.value === "auto" ? systemIsDark.value : theme.value === "dark"));

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "auto";
}

export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
  });
}

const narrow = matchMedia("(max-width: 720px)");
/** A phone, or a small window: fewer columns. */
export const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => (isNarrow.value = narrow.matches));

/** The address is the state: path and parameters as signals, and ways to change them. */

import { computed, signal } from "@preact/signals";

const here = signal(new URL(location.href));

export const path = computed(() => here.value.pathname);
export const params = computed(() => here.value.searchParams);

/** These go along from page to page. */
const KEPT = ["env"];

/** The environment that everything is narrowed to; empty for all. */
export const environment = computed(() => params.value.get("env") ?? "");

type Changes = Readonly<Record<string, string | null | undefined>>;

function changed(url: URL, changes: Changes): URL {
  const next = new URL(url);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  return next;
}

/** The address of a page, with what is kept of this one: for `href`. */
export function to(pathname: string, changes: Changes = {}): string {
  const url = new URL(pathname, location.origin);
  for (const name of KEPT) {
    const value = params.value.get(name);
    if (value !== null && !url.searchParams.has(name)) url.searchParams.set(name, value);
  }
  const next = changed(url, changes);
  return next.pathname + next.search;
}

/** Go there. */
export function go(target: string): void {
  const url = new URL(target, location.origin);
  if (url.href === here.value.href) return;
  history.pushState(null, "", url);
  here.value = url;
  scrollTo(0, 0);
}

/** Change parameters of this page: typing does not fill the history, choosing does. */
export function setParams(changes: Changes, how: "replace" | "push" = "replace"): void {
  const url = changed(here.value, changes);
  if (url.href === here.value.href) return;
  history[how === "push" ? "pushState" : "replaceState"](null, "", url);
  here.value = url;
}

/** One parameter; empty if it is not there. */
export function param(name: string): string {
  return params.value.get(name) ?? "";
}

/** Links inside the console do not load it anew. */
export function startRouter(): void {
  addEventListener("popstate", () => (here.value = new URL(location.href)));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!(link instanceof HTMLAnchorElement) || link.target !== "" || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.dataset["external"] !== undefined) return;
    event.preventDefault();
    go(link.href);
  });
}

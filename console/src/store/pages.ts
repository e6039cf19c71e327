/** Lists of any length, asked for page by page. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { connection, epoch, NoAnswer } from "./connection";
import { shown } from "./frames";

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
  readonly dropped: boolean;
}

export interface Listed<T> {
  readonly items: readonly T[];
  /** There is no more. */
  readonly complete: boolean;
  readonly loading: boolean;
  readonly error: string | null;
  /** A part in between is no longer stored. */
  readonly dropped: boolean;
}

/** A page with fewer items means that searching takes long: go on without being told. */
const FEW = 20;

/**
 * The pages of a list so far. It begins anew when `key` changes, and what is there stays until the new one is.
 *
 * `fetch` gets the cursor of the page before.
 */
export function usePages<T>(key: string, fetch: (cursor: string | undefined) => Promise<Page<T>>): { readonly list: ReadonlySignal<Listed<T>>; readonly more: () => void } {
  const list = useSignal<Listed<T>>({ items: [], complete: false, loading: true, error: null, dropped: false });
  const more = useRef(() => {});
  const connected = epoch.value;
  // Not after the paint: the question is under way while that is done.
  useLayoutEffect(() => {
    if (connected === 0) return undefined;
    const run = { wanted: true, busy: false, cursor: undefined as string | undefined, got: [] as T[], complete: false, dropped: false };
    const ask = async () => {
      if (run.busy || run.complete) return;
      run.busy = true;
      try {
        const before = run.got.length;
        if (run.cursor !== undefined) await shown();
        if (!run.wanted) return;
        list.value = { ...list.peek(), loading: true };
        do {
          const page = await fetch(run.cursor);
          if (!run.wanted) return;
          run.got = [...run.got, ...page.items];
          run.cursor = page.next;
          run.complete = page.next === undefined;
          run.dropped ||= page.dropped;
          list.value = { items: run.got, complete: run.complete, loading: !run.complete && run.got.length - before < FEW, error: null, dropped: run.dropped };
        } while (!run.complete && run.got.length - before < FEW);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        const lost = error.code === "unanswered" && connection.peek() !== "live";
        if (run.wanted) list.value = { ...list.peek(), loading: lost, error: lost ? null : error.message };
      } finally {
        run.busy = false;
      }
    };
    more.current = () => void ask();
    void ask();
    return () => {
      run.wanted = false;
    };
  }, [key, connected]);
  return { list, more: () => more.current() };
}

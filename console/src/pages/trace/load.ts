/** A trace as it is fetched: page by page in causal order, and again when more of it is logged. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { LogFilter, TailBegin, TraceQuery } from "protocol";
import { useLayoutEffect, useRef } from "preact/hooks";
import { TraceModel } from "~/logic/trace";
import { ask, connection, epoch, NoAnswer } from "~/store/connection";
import { shown } from "~/store/frames";
import { useTail } from "~/store/questions";

/** The first page is small, so that there is something to see; the server gives 1000 at most. */
const FIRST = 200;
const NEXT = 1000;
/** A trace that grows is fetched anew so long after its last log. */
const QUIET_MS = 400;
/** Larger ones only when asked to. */
const GROWS_MAX = 10_000;

export interface Loaded {
  readonly model: TraceModel;
  /** Counts what was appended: the model itself stays the same. */
  readonly version: number;
  readonly loading: boolean;
  readonly error: string | null;
  readonly dropped: boolean;
  /** Logs came that are not shown yet. */
  readonly grew: boolean;
}

const NOTHING: Loaded = { model: new TraceModel(), version: 0, loading: true, error: null, dropped: false, grew: false };

export function useTrace(traceId: string): { readonly trace: ReadonlySignal<Loaded>; readonly again: () => void } {
  const trace = useSignal<Loaded>(NOTHING);
  const round = useSignal(0);
  const shownId = useRef("");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const connected = epoch.value;
  useLayoutEffect(() => {
    if (connected === 0 || traceId === "") return undefined;
    const run = { wanted: true };
    const isSame = shownId.current === traceId;
    shownId.current = traceId;
    if (!isSame) trace.value = NOTHING;
    void load(traceId, run, isSame, trace);
    return () => {
      run.wanted = false;
      clearTimeout(timer.current);
    };
  }, [traceId, connected, round.value]);
  useTail(traceId === "" ? null : new TailBegin({ filter: new LogFilter({ trace: traceId }), perSecondMax: 1 }), () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const { loading, model } = trace.peek();
      if (!loading && model.items.length <= GROWS_MAX) round.value += 1;
      else trace.value = { ...trace.peek(), grew: true };
    }, QUIET_MS);
  });
  return { trace, again: () => (round.value += 1) };
}

/** Fetch all of it; in place of what is shown only when it is whole, if there is something. */
async function load(traceId: string, run: { readonly wanted: boolean }, quietly: boolean, trace: { value: Loaded; peek(): Loaded }): Promise<void> {
  const model = new TraceModel();
  let cursor: string | undefined;
  let dropped = false;
  try {
    do {
      const page = await ask("trace", new TraceQuery({ traceId, limit: cursor === undefined ? FIRST : NEXT, ...(cursor === undefined ? {} : { cursor }) }));
      if (!run.wanted) return;
      model.append(page.items);
      cursor = page.next;
      dropped ||= page.dropped;
      if (quietly && cursor !== undefined) continue;
      trace.value = { model, version: trace.peek().version + 1, loading: cursor !== undefined, error: null, dropped, grew: false };
      if (model.items.length <= FIRST) await shown();
    } while (cursor !== undefined);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const lost = error.code === "unanswered" && connection.peek() !== "live";
    if (run.wanted) trace.value = { ...trace.peek(), loading: lost, error: lost ? null : error.message };
  }
}

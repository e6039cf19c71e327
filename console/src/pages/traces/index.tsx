/** What happened lately: traces, the newest first; those that failed stand out, and open in place. */

import { useSignal } from "@preact/signals";
import { TraceQuery, TracesQuery, type StoredTrace, TailBegin } from "protocol";
import { useEffect, useRef } from "preact/hooks";
import { useShortcuts } from "~/app/keys";
import { environment, go, to } from "~/app/router";
import { isNarrow } from "~/app/theme";
import { callFits, isAny, logFilter, selection, wordsFit } from "~/logic/filters";
import { count, counted } from "~/logic/format";
import { NewTraces } from "~/logic/new-traces";
import { TraceModel } from "~/logic/trace";
import { type ListRow, listRows } from "~/logic/trace-list";
import { FilterBar, setFilters, useFilters } from "~/parts/filter-bar";
import { Icon } from "~/parts/icons";
import { Empty, Problem } from "~/parts/states";
import { VirtualList } from "~/parts/virtual-list";
import { onCalls } from "~/store/calls";
import { ask, connection } from "~/store/connection";
import { usePages } from "~/store/pages";
import { useTail } from "~/store/questions";
import { TraceCells, TracesHead } from "./rows";

const ROW_PX = 32;
const ROW_PX_NARROW = 50;
const PAGE = 50;
/** Rows of a trace that are shown in place; the rest is on its own page. */
const OPEN_ROWS = 200;
/** Logs a second that we look at to tell what is new. */
const LOOKED_AT_PER_SECOND = 200;

export function TracesPage({ rest }: { readonly rest: string }) {
  useEffect(() => {
    if (rest !== "") go(to(`/t/${rest}`));
  }, [rest]);
  const filters = useFilters();
  const env = environment.value;
  const round = useSignal(0);
  const active = useSignal(0);
  const open = useSignal<ReadonlyMap<string, TraceModel>>(new Map());
  const key = JSON.stringify([filters, env, round.value]);
  const { list, more } = usePages<StoredTrace>(key, (cursor) => ask("traces", new TracesQuery({ wanted: selection(filters, env, Date.now()), limit: PAGE, ...(cursor === undefined ? {} : { cursor }) })));
  const fresh = useRef(new NewTraces());
  const news = useSignal("");
  useEffect(() => {
    fresh.current = new NewTraces();
    news.value = "";
  }, [key]);
  const fits = wordsFit(filters.text);
  useTail(new TailBegin({ filter: logFilter(filters, env), perSecondMax: LOOKED_AT_PER_SECOND }), (m) => {
    fresh.current.take(m.logs.filter((log) => fits(log.text)).map((log) => log.context.traceId), m.skipped);
    news.value = fresh.current.said(new Set(list.peek().items.map((trace) => trace.traceId)));
  });
  // A trace may fail, or consist of, interactions alone, which no log tells of.
  useEffect(
    () =>
      onCalls((calls) => {
        fresh.current.take(calls.filter((call) => callFits(call, filters, env)).map((call) => call.traceId), 0);
        news.value = fresh.current.said(new Set(list.peek().items.map((trace) => trace.traceId)));
      }),
    [key],
  );
  const renew = () => {
    round.value += 1;
    active.value = 0;
    open.value = new Map();
    document.querySelector(".traces")?.scrollTo(0, 0);
  };
  useShortcuts([
    { keys: "n", does: "Show new traces", act: renew },
    { keys: "x", does: "Only those that failed", act: () => setFilters({ failed: !filters.failed }) },
  ]);

  const shown = listRows(list.value.items, open.value);
  const toggle = (trace: StoredTrace) => {
    const next = new Map(open.peek());
    if (next.delete(trace.traceId)) open.value = next;
    else void expand(trace.traceId, open);
  };
  const act = (index: number) => {
    const row = shown[index];
    if (row === undefined) return;
    if (row.kind === "trace") toggle(row.trace);
    else go(to(`/t/${row.traceId}`, row.kind === "row" ? { at: row.row.key } : {}));
  };
  const onKey = (event: KeyboardEvent, index: number): boolean => {
    const row = shown[index];
    if (row === undefined) return false;
    if (event.key === "o") go(to(`/t/${row.traceId}`));
    else if (event.key === "ArrowLeft" && row.kind !== "trace") active.value = shown.findLastIndex((one, at) => at < index && one.kind === "trace");
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      if (row.kind === "trace" && row.isOpen === (event.key === "ArrowLeft")) toggle(row.trace);
    } else return false;
    return true;
  };
  return (
    <div class="page-full">
      <div class="page-head">
        <h1>Traces</h1>
        <span class="summary">{list.value.items.length > 0 && `${count(list.value.items.length)}${list.value.complete ? "" : " and more"}`}</span>
        {list.value.dropped && <span class="muted">Some of the oldest are no longer stored.</span>}
      </div>
      <FilterBar filters={filters}>
        <button type="button" class="button" aria-pressed={filters.failed} onClick={() => setFilters({ failed: !filters.failed })}>
          <Icon name="bad" /> Failed
        </button>
      </FilterBar>
      {list.value.error !== null && <Problem text={list.value.error} />}
      <div class="pill-place" role="status">
        {news.value !== "" && (
          <button type="button" class="pill" onClick={renew}>
            {news.value}
          </button>
        )}
      </div>
      {shown.length === 0 ? (
        <Nothing loading={list.value.loading} filtered={isAny(filters) || env !== ""} failed={filters.failed} />
      ) : (
        <VirtualList
          count={shown.length}
          rowHeight={isNarrow.value ? ROW_PX_NARROW : ROW_PX}
          label="Traces"
          role="treegrid"
          class="traces"
          head={<TracesHead />}
          active={active}
          onOpen={act}
          onKey={onKey}
          onNearEnd={more}
          rowKey={(index) => shown[index]?.key ?? index}
          rowProps={(index) => attributes(shown[index])}
          row={(index) => {
            const row = shown[index];
            return row === undefined ? null : <TraceCells row={row} before={shown[index - 1]} toggle={() => act(index)} />;
          }}
        />
      )}
    </div>
  );
}

async function expand(traceId: string, open: { value: ReadonlyMap<string, TraceModel>; peek(): ReadonlyMap<string, TraceModel> }): Promise<void> {
  const page = await ask("trace", new TraceQuery({ traceId, limit: OPEN_ROWS }));
  const model = new TraceModel();
  model.append(page.items);
  open.value = new Map(open.peek()).set(traceId, model);
}

function attributes(row: ListRow | undefined) {
  if (row === undefined) return {};
  if (row.kind === "trace") return { role: "row" as const, class: `traces-row ${row.trace.failed ? "is-bad" : ""} ${row.isOpen ? "is-open" : ""}`, "aria-level": 1, "aria-expanded": row.isOpen };
  return { role: "row" as const, class: "traces-inner", "aria-level": row.kind === "row" ? row.row.depth + 2 : 2 };
}

function Nothing({ loading, filtered, failed }: { readonly loading: boolean; readonly filtered: boolean; readonly failed: boolean }) {
  if (connection.value === "connecting") return <Empty title="Connecting…" />;
  if (loading) return <Empty title="Searching…" />;
  if (failed) return <Empty title="Nothing failed">{counted(0, "failed trace")} of those that fit.</Empty>;
  if (filtered) return <Empty title="No trace fits" />;
  return <Empty title="No trace yet">A trace is shown as soon as a session logs something.</Empty>;
}

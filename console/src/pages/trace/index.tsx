/** One trace: the causal tree beside its timeline. Opens at its first error. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useShortcuts } from "~/app/keys";
import { param, setParams, to } from "~/app/router";
import { isNarrow } from "~/app/theme";
import { LEVELS, serviceClass } from "~/logic/colours";
import { count, counted, dateTime, duration } from "~/logic/format";
import { at, cause, matches, narrowed, type TraceModel } from "~/logic/trace";
import { CopyButton } from "~/parts/copy-button";
import { Deadline, DEADLINE, Details } from "~/parts/details";
import { Icon } from "~/parts/icons";
import { MoreDetail } from "~/parts/more-detail";
import { Empty, Problem, State } from "~/parts/states";
import { VirtualList } from "~/parts/virtual-list";
import { Compare, CompareChoice } from "./compare";
import { type Loaded, useTrace } from "./load";
import { TraceCells, TraceHead } from "./rows";

const ROW_PX = 24;
const ROW_PX_NARROW = 36;

export function TracePage({ rest }: { readonly rest: string }) {
  const other = param("with");
  const { trace, again } = useTrace(rest);
  const choosing = useSignal(false);
  const { model, loading, error, dropped, grew } = trace.value;
  return (
    <div class="page-full trace-page">
      <div class="page-head">
        <h1>Trace</h1>
        <span class="mono trace-id">{rest}</span>
        <CopyButton what={() => rest} title="Copy the trace's id" />
        <span class="trace-tools">
          <CopyButton what={() => location.href} icon="link" title="Copy a link to what you see">Link</CopyButton>
          <CopyButton what={() => asJson(rest, model)} title="Copy the trace as JSON">JSON</CopyButton>
          <button type="button" class="button" aria-pressed={other !== ""} aria-expanded={choosing.value} onClick={() => (other === "" ? (choosing.value = !choosing.value) : setParams({ with: null }, "push"))}>
            {other === "" ? "Compare" : "Compare no more"}
          </button>
          <MoreDetail kind="trace" name={rest} />
        </span>
      </div>
      {choosing.value && other === "" && <CompareChoice traceId={rest} model={model} close={() => (choosing.value = false)} />}
      {error !== null && <Problem text={error} />}
      {dropped && <Problem text="A part of this trace is no longer stored." />}
      {model.rows.length === 0 ? (
        <Nothing loading={loading} />
      ) : other !== "" ? (
        <Compare model={model} other={other} />
      ) : (
        <Tree key={rest} trace={trace.value} grew={grew} again={again} />
      )}
    </div>
  );
}

function asJson(traceId: string, model: TraceModel): string {
  return JSON.stringify({ traceId, items: model.items }, null, 2);
}

function Nothing({ loading }: { readonly loading: boolean }) {
  return loading ? <Empty title="Loading…" /> : <Empty title="Nothing is stored of this trace">It is not here yet, or no longer. If more of it comes, it is shown.</Empty>;
}

function Tree({ trace, grew, again }: { readonly trace: Loaded; readonly grew: boolean; readonly again: () => void }) {
  const { model, version, loading } = trace;
  const [service, level, find] = [param("service"), param("level"), param("find")];
  const chosen = param("at");
  const active = useSignal(0);
  const moved = useRef(chosen !== "");
  const list = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const shown = useMemo(() => {
    const rank = LEVELS.findIndex((one) => one === level);
    return service === "" && level === "" ? null : narrowed(model.rows, service, (one) => rank < 0 || LEVELS.findIndex((known) => known === one) <= rank && LEVELS.some((known) => known === one));
  }, [model, version, service, level]);
  const found = useMemo(() => matches(model.rows, find), [model, version, find]);
  const length = shown?.length ?? model.rows.length;
  const rowAt = (index: number) => model.rows[shown?.[index] ?? index];
  const placeOf = (row: number) => (shown === null ? row : shown.indexOf(row));
  const each = isNarrow.value ? ROW_PX_NARROW : ROW_PX;

  const reveal = (row: number) => {
    const index = placeOf(row);
    if (index < 0) return;
    active.value = index;
    const box = list.current?.querySelector(".vlist");
    if (box) box.scrollTop = Math.max(0, index * each - box.clientHeight / 3);
  };
  const choose = (row: number) => {
    moved.current = true;
    const key = model.rows[row]?.key ?? "";
    setParams({ at: key === param("at") ? null : key });
  };
  const next = (rows: readonly number[], step: 1 | -1) => {
    const here = shown?.[active.peek()] ?? active.peek();
    const row = step === 1 ? (rows.find((one) => one > here) ?? rows[0]) : (rows.findLast((one) => one < here) ?? rows.at(-1));
    if (row === undefined) return;
    moved.current = true;
    reveal(row);
  };
  // Opens where the address says, or at the first error, as soon as that is there; not after the reader went elsewhere.
  const settled = useRef(false);
  useEffect(() => {
    if (settled.current) return;
    const wanted = chosen === "" ? model.firstError : model.rows.findIndex((row) => row.key === chosen);
    if (wanted < 0 || (chosen === "" && moved.current)) return;
    settled.current = true;
    reveal(wanted);
    if (chosen === "") setParams({ at: model.rows[wanted]?.key });
  }, [version]);
  const bad = useRef<readonly number[]>([]);
  bad.current = model.bad;
  const hits = useRef<readonly number[]>([]);
  hits.current = found;
  const goNext = useRef(next);
  goNext.current = next;
  useShortcuts([
    { keys: "f", does: "Find in this trace", act: () => input.current?.select() },
    { keys: "e", does: "Next error", act: () => goNext.current(bad.current, 1) },
    { keys: "E", does: "Error before", act: () => goNext.current(bad.current, -1) },
  ]);
  const detail = chosen === "" ? undefined : model.rows.find((row) => row.key === chosen);
  const why = detail?.kind === "call" && detail.bad ? cause(model.rows, model.rows.indexOf(detail)) : -1;
  const onKey = (event: KeyboardEvent, index: number): boolean => {
    const row = rowAt(index);
    if (row === undefined || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return false;
    if (event.key === "ArrowLeft" && row.parent !== undefined) reveal(model.rows.indexOf(row.parent));
    else if (event.key === "ArrowRight") choose(shown?.[index] ?? index);
    return true;
  };
  return (
    <>
      <Facts model={model} loading={loading} grew={grew} again={again} />
      <div class="bar-filters trace-filters">
        <span class="trace-find">
          <input
            ref={input}
            class="field"
            type="search"
            placeholder="Find in this trace"
            aria-label="Find in this trace"
            value={find}
            onInput={(event) => setParams({ find: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === "Enter") next(found, event.shiftKey ? -1 : 1);
              if (event.key === "Escape") event.currentTarget.blur();
            }}
          />
          {find !== "" && <span class="muted" role="status">{counted(found.length, "row")}</span>}
        </span>
        <select aria-label="Level" value={level} onChange={(event) => setParams({ level: event.currentTarget.value }, "push")}>
          <option value="">All levels</option>
          {LEVELS.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        {model.bad.length > 0 && (
          <button type="button" class="button" onClick={() => next(model.bad, 1)} title="e, E">
            <Icon name="bad" /> Next of {counted(model.bad.length, "error")}
          </button>
        )}
        <span class="trace-services" role="group" aria-label="Services">
          {[...model.services].map(([name, rows]) => (
            <button key={name} type="button" class={`button chip ${serviceClass(name)}`} aria-pressed={service === name} onClick={() => setParams({ service: service === name ? null : name }, "push")}>
              <span class="dot" aria-hidden="true" /> {name || "(unknown)"} <span class="muted">{count(rows)}</span>
            </button>
          ))}
        </span>
      </div>
      <div class="with-details" ref={list}>
        <VirtualList
          count={length}
          rowHeight={each}
          label="Causal tree and timeline"
          role="treegrid"
          class="trace"
          head={<TraceHead spanMs={model.spanMs} />}
          active={active}
          onOpen={(index) => choose(shown?.[index] ?? index)}
          onKey={onKey}
          rowKey={(index) => rowAt(index)?.key ?? index}
          rowProps={(index) => {
            const row = rowAt(index);
            if (row === undefined) return {};
            return { role: "row", class: `trace-row ${row.bad ? "is-bad" : ""} ${row.key === chosen ? "is-chosen" : ""}`, "aria-level": row.depth + 1, "aria-selected": row.key === chosen };
          }}
          row={(index) => {
            const row = rowAt(index);
            return row === undefined ? null : <TraceCells row={row} before={rowAt(index - 1)} start={model.start} spanMs={model.spanMs} mark={find} />;
          }}
        />
        {detail !== undefined && (
          <Details of={detailed(detail)} called={detail.kind === "call" ? detail.item : undefined} close={() => setParams({ at: null })}>
            {why >= 0 && (
              <button type="button" class="button trace-why" onClick={() => { choose(why); reveal(why); }}>
                <Icon name="bad" /> To the error that it met
              </button>
            )}
          </Details>
        )}
      </div>
    </>
  );
}

function detailed(row: TraceModel["rows"][number]) {
  if (row.kind === "log") return { ...row.item, environment: row.item.environment.name };
  const { traceId, node, service, version, environment, start } = row.item;
  return { traceId, node, service, version, clock: row.clock, timestamp: start, level: "", category: "", text: "", environment: environment.name, properties: {} };
}

function Facts({ model, loading, grew, again }: { readonly model: TraceModel; readonly loading: boolean; readonly grew: boolean; readonly again: () => void }) {
  const first = model.rows.find((row) => row.kind === "log");
  const properties = first?.kind === "log" ? first.item.properties : {};
  const deadline = properties[DEADLINE];
  const calls = model.items.reduce((sum, item) => sum + (item.interaction === undefined ? 0 : 1), 0);
  const last = model.rows.at(-1);
  return (
    <div class="trace-facts">
      {model.bad.length > 0 ? <State tone="bad" icon="bad">failed</State> : <State tone="ok" icon="ok">ok</State>}
      <span>{dateTime(model.start)}</span>
      <span><b>{duration(model.end - model.start)}</b></span>
      <span>{counted(model.items.length - calls, "log")}</span>
      <span>{counted(calls, "interaction")}</span>
      {model.missing > 0 && <span title="Steps that the clock counted: below the level that is sent, under way, or lost">{counted(model.missing, "step")} not here</span>}
      {typeof deadline === "number" && last !== undefined && (
        <span title="At the last row">deadline: <Deadline at={deadline * 1000} from={at(last)} /></span>
      )}
      {Object.entries(properties).filter(([name]) => name !== DEADLINE).map(([name, value]) => (
        <span key={name} class="trace-property">
          <span class="muted">{name}</span> {typeof value === "string" ? value : JSON.stringify(value)}
        </span>
      ))}
      {loading && <span class="muted" role="status">loading…</span>}
      {grew && <button type="button" class="button" onClick={again}>It grew: load again</button>}
      <a class="trace-logs" href={to("/logs", { trace: model.items[0]?.log?.traceId ?? model.items[0]?.interaction?.traceId ?? "" })}>As logs</a>
    </div>
  );
}

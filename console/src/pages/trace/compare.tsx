/** Two traces beside each other, row by row where they do the same. */

import { useSignal } from "@preact/signals";
import { Selection, TracesQuery } from "protocol";
import { useMemo } from "preact/hooks";
import { setParams, to } from "~/app/router";
import { isNarrow } from "~/app/theme";
import { compare, COMPARED_MAX } from "~/logic/compare";
import { clock, counted, duration } from "~/logic/format";
import { saidOf } from "~/logic/trace-list";
import { at, type TraceModel, type TraceRow } from "~/logic/trace";
import { Empty, Problem, State } from "~/parts/states";
import { TreeCell } from "~/parts/tree";
import { VirtualList } from "~/parts/virtual-list";
import { useAnswer } from "~/store/questions";
import { useTrace } from "./load";

const ROW_PX = 24;
const ROW_PX_NARROW = 44;
const OFFERED = 20;
const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Which one to compare with: those of the same service, those that worked first. */
export function CompareChoice({ traceId, model, close }: { readonly traceId: string; readonly model: TraceModel; readonly close: () => void }) {
  const service = model.rows[0]?.item.service ?? "";
  const typed = useSignal("");
  const answer = useAnswer("traces", new TracesQuery({ wanted: new Selection({ service: service || undefined }), limit: OFFERED }));
  const offered = (answer.value.data?.items ?? []).filter((one) => one.traceId !== traceId).sort((a, b) => Number(a.failed) - Number(b.failed));
  const choose = (id: string) => {
    close();
    setParams({ with: id, at: null }, "push");
  };
  return (
    <div class="card compare-choice">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ID.test(typed.value.trim())) choose(typed.value.trim().toLowerCase());
        }}
      >
        <input class="field mono" aria-label="Id of the other trace" placeholder="Id of the other trace" value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} />
        <button type="submit" class="button" disabled={!ID.test(typed.value.trim())}>
          Compare
        </button>
      </form>
      {answer.value.error !== null && <Problem text={answer.value.error} />}
      <ul aria-label="Traces of the same service">
        {offered.map((one) => (
          <li key={one.traceId}>
            <button type="button" class="compare-offer" onClick={() => choose(one.traceId)}>
              <span class="mono">{clock(one.start)}</span>
              {one.failed ? <State tone="bad" icon="bad">failed</State> : <State tone="ok" icon="ok">ok</State>}
              <span class="ellipsis">{saidOf(one)}</span>
              <span class="number">{duration(one.end - one.start)}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function Compare({ model, other }: { readonly model: TraceModel; readonly other: string }) {
  const { trace } = useTrace(other);
  const active = useSignal(0);
  const { model: second, version, loading } = trace.value;
  const pairs = useMemo(() => (loading ? [] : compare(model.rows, second.rows)), [model, model.rows.length, second, version, loading]);
  if (second.rows.length === 0) return <Empty title={loading ? "Loading…" : "Nothing is stored of the other trace"} />;
  const differing = pairs.filter((pair) => pair.left === undefined || pair.right === undefined).length;
  const isCut = Math.max(model.rows.length, second.rows.length) > COMPARED_MAX;
  return (
    <>
      <p class="compare-said">
        {differing === 0 ? "Both do the same." : `${counted(differing, "row")} of one without the same in the other.`} {isCut && `The first ${COMPARED_MAX} rows of each are compared.`} Numbers and ids do not count.
      </p>
      <VirtualList
        count={pairs.length}
        rowHeight={isNarrow.value ? ROW_PX_NARROW : ROW_PX}
        label="Both traces, row by row"
        role="grid"
        class="compare"
        active={active}
        head={
          <div role="row" aria-rowindex={1} class="compare-row compare-head">
            <span role="columnheader">This one · {duration(model.spanMs)}</span>
            <span role="columnheader">
              <a href={to(`/t/${other}`)} class="mono">{other.slice(0, 8)}</a> · {duration(second.spanMs)}
            </span>
          </div>
        }
        rowProps={(index) => ({ role: "row", class: `compare-row ${pairs[index]?.left === undefined ? "is-added" : pairs[index]?.right === undefined ? "is-gone" : ""}` })}
        row={(index) => (
          <>
            <Side row={pairs[index]?.left} start={model.start} />
            <Side row={pairs[index]?.right} start={second.start} />
          </>
        )}
      />
    </>
  );
}

function Side({ row, start }: { readonly row: TraceRow | undefined; readonly start: number }) {
  return (
    <span role="gridcell" class="compare-side">
      {row === undefined ? (
        <span class="muted">not here</span>
      ) : (
        <>
          <TreeCell row={row} before={undefined} />
          <span class="mono muted">+{duration(at(row) - start)}</span>
        </>
      )}
    </span>
  );
}

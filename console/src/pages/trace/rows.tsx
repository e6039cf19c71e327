/** One row of a trace: its place in the tree, and on the line of time. */

import { serviceClass } from "~/logic/colours";
import { clock, duration } from "~/logic/format";
import { at, type TraceRow } from "~/logic/trace";
import { bar, ticks } from "~/logic/waterfall";
import { TreeCell } from "~/parts/tree";

export function TraceHead({ spanMs }: { readonly spanMs: number }) {
  return (
    <div role="row" aria-rowindex={1} class="trace-row trace-head">
      <span role="columnheader">Offset</span>
      <span role="columnheader">What caused what</span>
      <span role="columnheader" class="trace-line" aria-label="Timeline">
        {ticks(spanMs).map((ms) => (
          <span key={ms} class={`trace-tick ${ms / spanMs > 0.9 ? "is-last" : ""}`} style={{ left: `${(100 * ms) / spanMs}%` }}>
            {duration(ms)}
          </span>
        ))}
      </span>
    </div>
  );
}

interface Props {
  readonly row: TraceRow;
  readonly before: TraceRow | undefined;
  readonly start: number;
  readonly spanMs: number;
  readonly mark: string;
}

export function TraceCells({ row, before, start, spanMs, mark }: Props) {
  const from = at(row);
  const to = row.kind === "call" ? row.item.end : from;
  const { left, width } = bar(from, to, start, spanMs);
  const kind = row.kind === "call" ? "is-call" : "is-log";
  return (
    <>
      <span role="gridcell" class="mono muted number" title={clock(from)}>
        +{duration(from - start)}
      </span>
      <span role="rowheader" class="trace-tree">
        <TreeCell row={row} before={before} mark={mark} />
      </span>
      <span role="gridcell" class={`trace-line ${serviceClass(row.item.service)}`}>
        <span class={`trace-bar ${kind} ${row.bad ? "is-bad" : ""}`} style={{ left: `${left}%`, width: `${width}%` }} />
        {row.kind === "call" && (
          <span class={`trace-took ${left + width > 80 ? "is-before" : ""}`} style={left + width > 80 ? { right: `${100 - left}%` } : { left: `${left + width}%` }}>
            {duration(to - from)}
          </span>
        )}
      </span>
    </>
  );
}

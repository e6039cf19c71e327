/** One row of the list of traces. */

import type { StoredTrace } from "protocol";
import { to } from "~/app/router";
import { clock, counted, dateTime, duration, short } from "~/logic/format";
import { at } from "~/logic/trace";
import { inOrder, type ListRow, saidOf, sizeOf } from "~/logic/trace-list";
import { Icon } from "~/parts/icons";
import { LevelName, ServiceName, State } from "~/parts/states";
import { TreeCell } from "~/parts/tree";

const HEADS = ["Time", "State", "Services", "What happened", "Rows", "Duration", ""];
const DAY_MS = 86_400_000;

export function TracesHead() {
  return (
    <div role="row" aria-rowindex={1} class="traces-row traces-head">
      {HEADS.map((head) => (
        <span key={head} role="columnheader">
          {head === "" ? <span class="visually-hidden">Page</span> : head}
        </span>
      ))}
    </div>
  );
}

export function TraceCells({ row, toggle }: { readonly row: ListRow; readonly before: ListRow | undefined; readonly toggle: () => void }) {
  if (row.kind === "trace") return <Trace of={row.trace} isOpen={row.isOpen} toggle={toggle} />;
  if (row.kind === "more") {
    return (
      <span role="gridcell" class="traces-more">
        <a href={to(`/t/${row.traceId}`)} tabIndex={-1}>
          {row.left > 0 ? `${counted(row.left, "row")} more on its page` : "Open with timeline"}
        </a>
      </span>
    );
  }
  return (
    <>
      <span role="rowheader" class="traces-offset mono muted">
        +{duration(Math.max(0, at(row.row) - row.start))}
      </span>
      <span role="gridcell" class="traces-tree">
        <TreeCell row={row.row} before={row.before} />
      </span>
    </>
  );
}

function Trace({ of, isOpen, toggle }: { readonly of: StoredTrace; readonly isOpen: boolean; readonly toggle: () => void }) {
  const line = saidOf(of);
  return (
    <>
      <span role="rowheader" class="traces-time">
        <button type="button" class="twisty" tabIndex={-1} onClick={toggle} aria-label={isOpen ? "Close" : "Open"}>
          <Icon name={isOpen ? "down" : "right"} />
        </button>
        <span class="mono" title={dateTime(of.start)}>
          {Date.now() - of.start < DAY_MS ? clock(of.start) : dateTime(of.start).slice(5)}
        </span>
      </span>
      <span role="gridcell">
        {of.failed ? <State tone="bad" icon="bad">failed</State> : <State tone="ok" icon="ok">ok</State>}
      </span>
      <span role="gridcell" class="traces-services">
        {inOrder(of).map((service) => (
          <ServiceName key={service} service={service} />
        ))}
      </span>
      <span role="gridcell" class="traces-error" title={of.firstError ?? of.firstText}>
        {of.worstLevel !== undefined && of.worstLevel !== "INFO" && of.worstLevel !== "DEBUG" && <LevelName level={of.worstLevel} />}
        <span class={`ellipsis ${of.firstError === undefined ? "is-first" : ""}`}>{line}</span>
      </span>
      <span role="gridcell" class="number" title={`${counted(sizeOf(of) - of.interactions, "log")}, ${counted(of.interactions, "interaction")}`}>
        {short(sizeOf(of))}
        {of.partial && "+"}
      </span>
      <span role="gridcell" class="number">
        {duration(of.end - of.start)}
      </span>
      <span role="gridcell" class="traces-link">
        <a href={to(`/t/${of.traceId}`)} tabIndex={-1} title="Its page (o)" aria-label={`Trace ${of.traceId}`}>
          <Icon name="traces" />
        </a>
      </span>
    </>
  );
}

/** A row of a causal tree: lines of the interactions it lies in, an arrow where the process changes, who, and what. */

import { serviceClass } from "~/logic/colours";
import { duration } from "~/logic/format";
import type { CallRow, TraceRow } from "~/logic/trace";
import { addressOf, serviceOf } from "~/store/names";
import { Icon } from "./icons";
import { LevelName } from "./states";

const STEP_PX = 20;
const FIRST_PX = 18;
/** Deeper rows stand no further to the right. */
const DEPTH_MAX = 14;

function indent(depth: number): number {
  return FIRST_PX + Math.min(depth, DEPTH_MAX) * STEP_PX;
}

export function TreeCell({ row, before, mark = "" }: { readonly row: TraceRow; readonly before: TraceRow | undefined; readonly mark?: string }) {
  const names = row.enters || before === undefined || before.item.service !== row.item.service || before.depth !== row.depth;
  return (
    <span class={`tree ${serviceClass(row.item.service)}`}>
      <Lines row={row} />
      <span class="tree-text" style={{ marginLeft: `${indent(row.depth)}px` }}>
        {row.missing > 0 && (
          <span class="tree-gap" title={`${row.missing} steps before this one are not here: below the level that is sent, under way, or lost`}>
            ⋮{row.missing}<span class="visually-hidden"> steps are missing before. </span>
          </span>
        )}
        {names ? <span class="tree-service">{row.item.service || "(unknown)"}</span> : <span class="tree-dot" aria-hidden="true" />}
        {row.kind === "call" ? <Call row={row} /> : <Said level={row.item.level} text={row.item.text} mark={mark} />}
      </span>
    </span>
  );
}

function Lines({ row }: { readonly row: TraceRow }) {
  const lines = row.inside.map((bracket, index) => {
    const ends = index >= row.inside.length - row.ends;
    const kind = `${bracket.interaction.failed ? "is-bad" : "is-ok"} ${ends ? "is-end" : ""}`;
    return <span key={bracket.interaction.position} class={`tree-line ${kind}`} style={{ left: `${indent(bracket.depth) - 10}px` }} />;
  });
  return (
    <span class="tree-lines" aria-hidden="true">
      {lines}
      {row.kind === "call" && <span class={`tree-line is-start ${row.bad ? "is-bad" : "is-ok"}`} style={{ left: `${indent(row.depth) - 10}px` }} />}
      {row.enters && <span class="tree-arrow" style={{ left: `${indent(row.depth - 1) - 9}px`, width: `${indent(row.depth) - indent(row.depth - 1) + 5}px` }} />}
    </span>
  );
}

function Said({ level, text, mark }: { readonly level: string; readonly text: string; readonly mark: string }) {
  const line = text.indexOf("\n") < 0 ? text : text.slice(0, text.indexOf("\n"));
  return (
    <>
      {level !== "INFO" && <LevelName level={level} />}
      <span class={`ellipsis tree-said ${level === "ERROR" || level === "CRITICAL" ? "is-bad" : level === "DEBUG" ? "muted" : ""}`}>
        <Marked text={line} mark={mark} />
      </span>
    </>
  );
}

export function Marked({ text, mark }: { readonly text: string; readonly mark: string }) {
  const at = mark === "" ? -1 : text.toLowerCase().indexOf(mark.toLowerCase());
  if (at < 0) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + mark.length)}</mark>
      {text.slice(at + mark.length)}
    </>
  );
}

function Call({ row }: { readonly row: CallRow }) {
  const results = Object.entries(row.item.results);
  return (
    <>
      <span class="muted">{results.length === 0 ? "interaction without a call" : "calls"}</span>
      {results.map(([node, worked]) => (
        <span key={node} class={`tree-result ${worked === 1 ? "tone-ok" : "tone-bad"}`} title={addressOf(node)}>
          <Icon name={worked === 1 ? "ok" : "bad"} label={worked === 1 ? "worked" : "failed"} />
          <span class={serviceClass(row.item.callees[node] || serviceOf(node))}>
            <span class="tree-callee">{row.item.callees[node] || serviceOf(node) || node.slice(0, 8)}</span>
          </span>
        </span>
      ))}
      <span class="muted">{duration(row.item.end - row.item.start)}</span>
    </>
  );
}

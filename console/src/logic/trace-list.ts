/** A list of traces, some of them open. */

import type { StoredTrace } from "protocol";
import { counted } from "./format";
import type { TraceModel, TraceRow } from "./trace";

export type ListRow =
  | { readonly kind: "trace"; readonly key: string; readonly traceId: string; readonly trace: StoredTrace; readonly isOpen: boolean }
  | { readonly kind: "row"; readonly key: string; readonly traceId: string; readonly row: TraceRow; readonly start: number; readonly before: TraceRow | undefined }
  | { readonly kind: "more"; readonly key: string; readonly traceId: string; readonly left: number };

export function listRows(traces: readonly StoredTrace[], open: ReadonlyMap<string, TraceModel>): readonly ListRow[] {
  const rows: ListRow[] = [];
  for (const trace of traces) {
    const { traceId } = trace;
    const model = open.get(traceId);
    rows.push({ kind: "trace", key: traceId, traceId, trace, isOpen: model !== undefined });
    if (model === undefined) continue;
    model.rows.forEach((row, index) => rows.push({ kind: "row", key: `${traceId} ${row.key}`, traceId, row, start: model.start, before: model.rows[index - 1] }));
    rows.push({ kind: "more", key: `${traceId} more`, traceId, left: Math.max(0, sizeOf(trace) - model.items.length) });
  }
  return rows;
}

/** What a reader wants to see of it first: what went wrong, or else how it began. */
export function saidOf(trace: StoredTrace): string {
  const line = (trace.firstError ?? trace.firstText ?? "").split("\n", 1)[0] ?? "";
  if (line !== "") return line;
  return trace.failed ? "an interaction failed" : trace.interactions > 0 ? counted(trace.interactions, "interaction") : "";
}

/** Its services, the one where it began first. */
export function inOrder({ services, entry }: StoredTrace): readonly string[] {
  return services.includes(entry) ? [entry, ...services.filter((service) => service !== entry)] : services;
}

/** Logs and interactions together. */
export function sizeOf(trace: StoredTrace): number {
  return Object.values(trace.levels).reduce((a, b) => a + b, trace.interactions);
}

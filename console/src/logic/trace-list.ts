/** A list of traces, some of them open. */

import type { StoredTrace } from "protocol";
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

/** Logs and interactions together. */
export function sizeOf(trace: StoredTrace): number {
  return Object.values(trace.levels).reduce((a, b) => a + b, trace.interactions);
}

/** A list of any length that renders what is seen. Rows have one height; keys move a focus from row to row. */

import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/** Rows rendered beyond what is seen, on both sides: scrolling by wheel shows no gap. */
const OVERSCAN = 8;
/** The same while the list follows its end: nobody scrolls then. */
const OVERSCAN_FOLLOWING = 1;
/** This close to the end counts as being there. */
const END_PX = 4;
/** What stands around a list, about: before it is measured, so many rows are drawn. */
const AROUND_PX = 172;
/** More is asked for when so many rows are left. */
const AHEAD = 30;

export interface RowAttributes {
  readonly role?: "row" | "listitem" | "article";
  readonly class?: string;
  readonly "aria-level"?: number;
  readonly "aria-expanded"?: boolean;
  readonly "aria-selected"?: boolean;
}

export interface VirtualListProps {
  readonly count: number;
  readonly rowHeight: number;
  /** What the list holds, for screen readers. */
  readonly label: string;
  readonly role: "treegrid" | "grid" | "log" | "list";
  /** The content of a row. */
  readonly row: (index: number) => ComponentChildren;
  /** Attributes of a row: its role, class, aria-level, aria-expanded. */
  readonly rowProps?: (index: number) => RowAttributes;
  /** A row's identity, when rows move: keeps its element. */
  readonly rowKey?: (index: number) => string | number;
  /** The row that has the focus, when the list has it. */
  readonly active: Signal<number>;
  /** Enter or a click on a row. */
  readonly onOpen?: (index: number) => void;
  /** Other keys on a row; true if it was of use. */
  readonly onKey?: (event: KeyboardEvent, index: number) => boolean;
  /** Stay at the end while rows come, unless the reader has scrolled away. */
  readonly follow?: boolean;
  /** Told whether the end is in sight, when that changes. */
  readonly onAtEnd?: (atEnd: boolean) => void;
  /** The first, or last, rows come into sight: time to ask for more. */
  readonly onNearStart?: () => void;
  readonly onNearEnd?: () => void;
  /** How many rows have ever been put before the first: what is seen stays where it is when that grows. */
  readonly shift?: number;
  /** Column heads; they stay in sight. */
  readonly head?: ComponentChildren;
  readonly class?: string;
}

export function VirtualList(props: VirtualListProps) {
  const { count, rowHeight, label, role, row, rowProps, rowKey, active, head } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const headBox = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(rounded(innerHeight - AROUND_PX, rowHeight));
  const atEnd = useRef(true);
  const shift = useRef(props.shift ?? 0);
  const elements = useRef<ReadonlyMap<string | number, number>>(new Map());
  const latest = useRef(props);
  latest.current = props;

  const look = () => {
    const box = scroller.current;
    if (box === null) return;
    // In whole rows: what is drawn changes with these only.
    top.value = Math.floor(box.scrollTop / latest.current.rowHeight) * latest.current.rowHeight;
    height.value = rounded(box.clientHeight - (headBox.current?.offsetHeight ?? 0), latest.current.rowHeight);
    const is = box.scrollTop + box.clientHeight >= box.scrollHeight - END_PX;
    if (is !== atEnd.current) {
      atEnd.current = is;
      latest.current.onAtEnd?.(is);
    }
    const { count: all, rowHeight: each, onNearStart, onNearEnd } = latest.current;
    if (box.scrollTop < AHEAD * each) onNearStart?.();
    if (box.scrollTop + box.clientHeight > (all - AHEAD) * each) onNearEnd?.();
  };

  useEffect(() => {
    const box = scroller.current;
    if (box === null) return undefined;
    const observer = new ResizeObserver(look);
    observer.observe(box);
    return () => observer.disconnect();
  }, []);

  const isFollowing = props.follow === true && atEnd.current;
  const from = isFollowing ? Math.max(0, count * rowHeight - height.value) : top.value;

  useLayoutEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    const added = (props.shift ?? 0) - shift.current;
    shift.current = props.shift ?? 0;
    if (isFollowing && from > AHEAD * rowHeight) {
      // Where the end is, is known: asking would lay out everything once more in each frame.
      box.scrollTop = count * rowHeight;
      top.value = Math.floor(from / rowHeight) * rowHeight;
      return;
    }
    if (added !== 0) box.scrollTop += added * rowHeight;
    if (isFollowing) box.scrollTop = box.scrollHeight;
    look();
  }, [count, props.shift, props.follow, rowHeight]);

  // The focus follows the active row, but only inside of the list.
  useEffect(() => {
    const box = scroller.current;
    if (box === null || document.activeElement === null || !box.contains(document.activeElement)) return;
    const found = box.querySelector<HTMLElement>(`[data-index="${active.peek()}"]`);
    if (found === null || found.contains(document.activeElement)) return;
    reveal(box, headBox.current?.offsetHeight ?? 0, active.peek(), rowHeight);
    found.focus({ preventScroll: true });
  }, [active.value]);

  const move = (to: number) => {
    const index = Math.max(0, Math.min(count - 1, to));
    reveal(scroller.current, headBox.current?.offsetHeight ?? 0, index, rowHeight);
    active.value = index;
  };

  const keyDown = (event: KeyboardEvent) => {
    if (count === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const index = Math.min(active.value, count - 1);
    const page = Math.max(1, Math.floor(height.value / rowHeight) - 1);
    const steps: Record<string, number> = { ArrowDown: index + 1, ArrowUp: index - 1, PageDown: index + page, PageUp: index - page, Home: 0, End: count - 1 };
    const to = steps[event.key];
    if (to !== undefined) move(to);
    else if (event.key === "Enter" && props.onOpen !== undefined && !(event.target instanceof HTMLAnchorElement)) props.onOpen(index);
    else if (props.onKey?.(event, index) !== true) return;
    event.preventDefault();
  };

  const overscan = isFollowing ? OVERSCAN_FOLLOWING : OVERSCAN;
  const first = Math.max(0, Math.floor(from / rowHeight) - overscan);
  const last = Math.min(count, Math.ceil((from + height.value) / rowHeight) + overscan);
  const current = Math.min(active.value, count - 1);
  const indices: number[] = [];
  // The row with the focus stays in the page wherever it is scrolled to, or the focus would be lost.
  if (current >= 0 && current < first) indices.push(current);
  for (let index = first; index < last; index += 1) indices.push(index);
  if (current >= last) indices.push(current);
  const name = (index: number) => rowKey?.(index) ?? index;
  elements.current = handedOn(elements.current, indices.map(name));

  return (
    <div
      ref={scroller}
      class={`vlist ${props.class ?? ""}`}
      role={role}
      aria-label={label}
      aria-live={role === "log" ? "off" : undefined} // The page says now and then how many came.
      aria-rowcount={role === "treegrid" || role === "grid" ? count + (head === undefined ? 0 : 1) : undefined}
      tabIndex={count === 0 ? 0 : -1}
      onScroll={look}
      onKeyDown={keyDown}
    >
      {head !== undefined && (
        <div ref={headBox} class="vlist-head" role="rowgroup">
          {head}
        </div>
      )}
      <div class="vlist-size" role={role === "treegrid" || role === "grid" ? "rowgroup" : "presentation"} style={{ height: `${count * rowHeight}px` }}>
        {indices.map((index) => {
          const attributes = rowProps?.(index) ?? {};
          return (
          <div
            key={elements.current.get(name(index))}
            {...attributes}
            class={`vlist-row ${attributes.class ?? ""}`}
            data-index={index}
            aria-rowindex={role === "treegrid" || role === "grid" ? index + (head === undefined ? 1 : 2) : undefined}
            tabIndex={index === current ? 0 : -1}
            style={{ height: `${rowHeight}px`, transform: `translateY(${index * rowHeight}px)` }}
            onFocus={() => (active.value = index)}
            onClick={(event) => {
              if (event.target instanceof Element && event.target.closest("a, button") !== null) return;
              active.value = index;
              props.onOpen?.(index);
            }}
          >
            {row(index)}
          </div>
          );
        })}
      </div>
    </div>
  );
}

function rounded(px: number, rowHeight: number): number {
  return Math.ceil(Math.max(0, px) / rowHeight) * rowHeight;
}

/** A number for each row's element: rows that stay keep theirs, and rows that come take over those of rows that go. */
export function handedOn(before: ReadonlyMap<string | number, number>, rows: readonly (string | number)[]): Map<string | number, number> {
  const wanted = new Set(rows);
  const free = [...before].filter(([row]) => !wanted.has(row)).map(([, element]) => element);
  let taken = 0;
  let fresh = Math.max(-1, ...before.values()) + 1;
  return new Map(rows.map((row) => [row, before.get(row) ?? free[taken++] ?? fresh++]));
}

/** Scroll as little as needed to have the row in sight. */
function reveal(box: HTMLElement | null, headHeight: number, index: number, rowHeight: number): void {
  if (box === null) return;
  const from = index * rowHeight;
  const seen = box.clientHeight - headHeight;
  if (from < box.scrollTop) box.scrollTop = from;
  else if (from + rowHeight > box.scrollTop + seen) box.scrollTop = from + rowHeight - seen;
}

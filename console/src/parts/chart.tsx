/** A small chart over time: areas in front of one another, and what is under the pointer in words. */

import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { isDark } from "~/app/theme";
import { short, time } from "~/logic/format";

export interface Series {
  readonly label: string;
  /** A colour of styles/tokens.css: "ok", "bad", "accent", "muted", "warn". */
  readonly colour: "ok" | "bad" | "accent" | "muted" | "warn";
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly title: string;
  /** What the chart says, in a sentence, for those who do not see it; also what stands beside the title. */
  readonly summary: string;
  /** Seconds since the epoch, rising. */
  readonly times: readonly number[];
  /** The largest first: later ones are drawn in front. */
  readonly series: readonly Series[];
  readonly format?: (value: number) => string;
  /** Charts with the same key show the same time under the pointer. */
  readonly sync?: string;
}

/** What draws is a quarter of the console, and no page but those with charts waits for it. */
const library = signal<typeof uPlot | null>(null);
let asked: Promise<void> | null = null;

/** Have it at hand. If the server is away, the next chart tries again. */
export function loadCharts(): void {
  asked ??= import("uplot").then(
    (found) => {
      library.value = found.default;
    },
    () => {
      asked = null;
    },
  );
}

const HEIGHT_PX = 104;
const SHORT_S = 300;
const FONT = "11px system-ui, sans-serif";

export function Chart({ title, summary, times, series, format = short, sync }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const at = useSignal<number | null>(null);
  const dark = isDark.value;
  const shape = series.map((one) => `${one.label} ${one.colour}`).join();

  const Plot = library.value;
  useEffect(loadCharts, []);

  useEffect(() => {
    const element = box.current;
    if (element === null || Plot === null) return undefined;
    const colour = reader(element);
    const made = new Plot(
      {
        width: element.clientWidth,
        height: HEIGHT_PX,
        padding: [8, 4, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, ...(sync === undefined ? {} : { sync: { key: sync } }) },
        hooks: { setCursor: [(self) => (at.value = self.cursor.idx ?? null)] },
        scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.05)] } },
        axes: [
          { font: FONT, stroke: colour("muted"), size: 24, space: 90, grid: { show: false }, ticks: { show: false }, values: (self, ticks) => ticks.map((tick) => tickText(self, tick)) },
          { font: FONT, stroke: colour("muted"), size: (_, texts) => 12 + 6.2 * Math.max(4, ...(texts ?? []).map((text) => text.length)), space: 36, incrs: whole(), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, values: (_, ticks) => ticks.map((tick) => format(tick)) },
        ],
        series: [
          {},
          ...series.map((one) => ({
            label: one.label,
            stroke: colour(one.colour),
            fill: translucent(colour(one.colour)),
            width: 1.5,
            points: { show: false },
          })),
        ],
      },
      [[...times], ...series.map((one) => [...one.values])] as uPlot.AlignedData,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [Plot, dark, shape, sync]);

  useEffect(() => {
    plot.current?.setData([[...times], ...series.map((one) => [...one.values])] as uPlot.AlignedData);
  }, [times, series]);

  const index = at.value;
  const when = index === null ? undefined : times[index];
  return (
    <section class="card chart">
      <div class="card-head">
        <h2>{title}</h2>
        {when === undefined ? (
          <span class="muted ellipsis">{summary}</span>
        ) : (
          <span class="muted ellipsis" aria-hidden="true">
            {time(when * 1000).slice(0, 5)}
            {series.map((one) => (
              <span key={one.label} class={`chart-value colour-${one.colour}`}>
                {format(one.values[index ?? 0] ?? 0)} {one.label}
              </span>
            ))}
          </span>
        )}
      </div>
      <div ref={box} class="chart-box" role="img" aria-label={`${title}: ${summary}`} />
    </section>
  );
}

/** Steps of an axis that counts: 1, 2, 5, 10, …, never a part of one. */
function whole(): number[] {
  return Array.from({ length: 15 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
}

/** The time of a tick, with seconds where minutes would all be the same. */
function tickText(self: uPlot, tick: number): string {
  const { min, max } = self.scales["x"] ?? {};
  const isShort = min != null && max != null && max - min < SHORT_S;
  return time(tick * 1000).slice(0, isShort ? 8 : 5);
}

/** What a colour of the style sheets is at the moment: a canvas knows no variables. */
function reader(element: HTMLElement): (name: string) => string {
  const probe = document.createElement("span");
  element.append(probe);
  const found = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const known = Object.fromEntries(["ok", "bad", "accent", "muted", "warn", "line"].map((name) => [name, found(name)]));
  probe.remove();
  return (name) => known[name] ?? "";
}

function translucent(rgb: string): string {
  return rgb.replace(/^rgb\((.*)\)$/, "rgba($1, 0.14)");
}

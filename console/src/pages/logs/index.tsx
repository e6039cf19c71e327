/** Logs: live, with history behind them. Scrolling back, or a pause, keeps the place. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { LogsQuery, TailBegin } from "protocol";
import { useEffect, useRef } from "preact/hooks";
import { useShortcuts } from "~/app/keys";
import { environment, go, to } from "~/app/router";
import { isNarrow } from "~/app/theme";
import { isAny, logFilter, selection, wordsFit } from "~/logic/filters";
import { clock, count, counted, dateTime } from "~/logic/format";
import { fromStored, fromTail, LogBuffer, type LogEntry, ROWS_MAX } from "~/logic/log-buffer";
import { isBad } from "~/logic/colours";
import { Details } from "~/parts/details";
import { FilterBar, useFilters } from "~/parts/filter-bar";
import { Icon } from "~/parts/icons";
import { Empty, LevelName, Problem, ServiceName } from "~/parts/states";
import { VirtualList } from "~/parts/virtual-list";
import { ask, connection, epoch, NoAnswer } from "~/store/connection";
import { batched } from "~/store/frames";
import { serviceOf, versionOf } from "~/store/names";
import { useTail } from "~/store/questions";

const ROW_PX = 24;
const ROW_PX_NARROW = 44;
const PAGE = 500;
/** More is not of use to somebody who reads. */
const PER_SECOND = 5000;
/** How often a screen reader is told how many came. */
const ANNOUNCED_MS = 5000;

interface History {
  readonly cursor: string | undefined;
  readonly loading: boolean;
  readonly error: string | null;
  readonly dropped: boolean;
}

type Pause = "none" | "button" | "scrolled";

export function LogsPage() {
  const filters = useFilters();
  const env = environment.value;
  const buffer = useRef(new LogBuffer());
  const version = useSignal(0);
  const pause = useSignal<Pause>("none");
  const chosen = useSignal<LogEntry | null>(null);
  const round = useSignal(0);
  const history = useSignal<History>({ cursor: undefined, loading: true, error: null, dropped: false });
  const show = useRef(batched<void>(() => (version.value += 1))).current;
  const run = useRef({ wanted: true });
  const asking = useRef(false);
  const key = JSON.stringify([filters, env, epoch.value, round.value]);

  const load = async (cursor: string | undefined) => {
    const mine = run.current;
    if (asking.current && cursor !== undefined) return;
    asking.current = true;
    try {
      const page = await ask("logs", new LogsQuery({ wanted: selection(filters, env, Date.now()), limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }));
      if (!mine.wanted) return;
      const entries = page.items.map(fromStored);
      if (cursor === undefined) buffer.current.first(entries);
      else buffer.current.older(entries);
      history.value = { cursor: page.next, loading: false, error: null, dropped: history.peek().dropped || page.dropped };
      show();
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const lost = error.code === "unanswered" && connection.peek() !== "live";
      if (mine.wanted) history.value = { ...history.peek(), loading: lost, error: lost ? null : error.message };
    } finally {
      if (run.current === mine) asking.current = false;
    }
  };
  useEffect(() => {
    if (epoch.value === 0) return undefined;
    buffer.current = new LogBuffer();
    const mine = { wanted: true };
    run.current = mine;
    asking.current = false;
    pause.value = "none";
    history.value = { cursor: undefined, loading: true, error: null, dropped: false };
    void load(undefined);
    return () => {
      mine.wanted = false;
    };
  }, [key]);

  const fits = wordsFit(filters.text);
  const isLive = filters.until === "";
  useTail(isLive ? new TailBegin({ filter: logFilter(filters, env), perSecondMax: PER_SECOND }) : null, (m) => {
    buffer.current.live(m.logs.filter((log) => fits(log.text)).map((log) => fromTail(log, serviceOf, versionOf)), m.skipped);
    show();
  });

  const pauseBy = (how: Pause) => {
    if (how === "none") buffer.current.resume();
    else buffer.current.pause();
    pause.value = how;
    show();
  };
  const resume = () => {
    pauseBy("none");
    requestAnimationFrame(() => {
      const box = document.querySelector(".logs");
      if (box !== null) box.scrollTop = box.scrollHeight;
    });
  };
  const toggle = () => (pause.peek() === "none" ? pauseBy("button") : resume());
  useShortcuts([{ keys: "p", does: "Pause and go on", act: toggle }]);

  const isPaused = pause.value !== "none";
  const at = { buffer, version };
  return (
    <div class="page-full">
      <div class="page-head">
        <h1>Logs</h1>
        <Counts {...at} again={() => (round.value += 1)} live={isLive && !isPaused} />
        {history.value.dropped && <span class="muted">Some are no longer stored.</span>}
      </div>
      <FilterBar filters={filters}>
        {isLive && (
          <button type="button" class="button" aria-pressed={isPaused} onClick={toggle} title="p">
            <Icon name={isPaused ? "play" : "pause"} /> {isPaused ? "Resume" : "Pause"}
          </button>
        )}
      </FilterBar>
      {history.value.error !== null && <Problem text={history.value.error} />}
      <div class="pill-place is-below">
        {isPaused && (
          <button type="button" class="pill" onClick={resume}>
            <Pending {...at} /> · to the newest
          </button>
        )}
      </div>
      <div class="with-details">
        <Rows
          key={key}
          {...at}
          nothing={<Nothing loading={history.value.loading} filtered={isAny(filters) || env !== ""} />}
          follow={!isPaused}
          chosen={chosen}
          onAtEnd={(atEnd) => {
            if (!atEnd && pause.peek() === "none") pauseBy("scrolled");
            else if (atEnd && pause.peek() === "scrolled") pauseBy("none");
          }}
          onNearStart={() => {
            const { cursor, loading } = history.peek();
            if (cursor !== undefined && !loading && !buffer.current.isCut && buffer.current.rows.length < ROWS_MAX) void load(cursor);
          }}
          onOpen={(row) => {
            chosen.value = row;
            if (pause.peek() === "none" && isLive) pauseBy("button");
          }}
        />
        {chosen.value !== null && (
          <Details of={chosen.value} close={() => (chosen.value = null)}>
            <a class="button" href={to(`/t/${chosen.value.traceId}`)}>
              <Icon name="traces" /> Its trace
            </a>
          </Details>
        )}
      </div>
    </div>
  );
}

/** What changes with each frame is drawn by itself: the page around it stays as it is. */
interface Live {
  readonly buffer: { readonly current: LogBuffer };
  readonly version: ReadonlySignal<number>;
}

function Counts({ buffer, version, again, live }: Live & { readonly again: () => void; readonly live: boolean }) {
  void version.value;
  const { rows, skipped, shift, isCut } = buffer.current;
  return (
    <>
      <span class="summary">{counted(rows.length, "row")}</span>
      {skipped > 0 && <span class="logs-skipped" title="They came faster than they are shown; history has them">{count(skipped)} skipped</span>}
      {isCut && <span class="muted">The oldest rows went. <button type="button" class="link" onClick={again}>Load again</button> for history.</span>}
      <Announced rows={rows.length + shift} live={live} />
    </>
  );
}

function Pending({ buffer, version }: Live) {
  void version.value;
  const { length } = buffer.current.pending;
  return <>{length > 0 ? `${count(length)} new` : "Paused"}</>;
}

interface RowsProps extends Live {
  readonly nothing: ComponentChildren;
  readonly follow: boolean;
  readonly chosen: ReadonlySignal<LogEntry | null>;
  readonly onAtEnd: (atEnd: boolean) => void;
  readonly onNearStart: () => void;
  readonly onOpen: (row: LogEntry | null) => void;
}

function Rows({ buffer, version, nothing, follow, chosen, onAtEnd, onNearStart, onOpen }: RowsProps) {
  const active = useSignal(0);
  void version.value;
  const { rows, shift } = buffer.current;
  if (rows.length === 0) return <>{nothing}</>;
  return (
    <VirtualList
      count={rows.length}
      rowHeight={isNarrow.value ? ROW_PX_NARROW : ROW_PX}
      label="Logs, the newest last"
      role="log"
      class="logs"
      active={active}
      shift={shift}
      follow={follow}
      onAtEnd={onAtEnd}
      onNearStart={onNearStart}
      onOpen={(index) => onOpen(rows[index] ?? null)}
      onKey={(event, index) => {
        const row = rows[index];
        if (event.key !== "o" || row === undefined) return false;
        go(to(`/t/${row.traceId}`));
        return true;
      }}
      rowKey={(index) => index - shift}
      rowProps={(index) => {
        const row = rows[index];
        return { role: "article", class: `logs-row ${row !== undefined && isBad(row.level) ? "is-bad" : ""} ${row !== undefined && row === chosen.value ? "is-chosen" : ""}` };
      }}
      row={(index) => {
        const row = rows[index];
        return row === undefined ? null : <Entry row={row} />;
      }}
    />
  );
}

function Entry({ row }: { readonly row: LogEntry }) {
  const end = row.text.indexOf("\n");
  return (
    <>
      <span class="mono muted" title={dateTime(row.timestamp)}>
        {clock(row.timestamp)}
      </span>
      <LevelName level={row.level} />
      <ServiceName service={row.service} />
      <span class="logs-text ellipsis">
        {end < 0 ? row.text : row.text.slice(0, end)}
        {end >= 0 && <span class="muted"> …</span>}
      </span>
    </>
  );
}

/** For screen readers: how many came, now and then; not each of them. */
function Announced({ rows, live }: { readonly rows: number; readonly live: boolean }) {
  const said = useSignal("");
  const latest = useRef(rows);
  latest.current = rows;
  useEffect(() => {
    let before = latest.current;
    const timer = setInterval(() => {
      const came = latest.current - before;
      before = latest.current;
      if (live && came > 0) said.value = `${counted(came, "new log")}`;
    }, ANNOUNCED_MS);
    return () => clearInterval(timer);
  }, [live]);
  return (
    <span class="visually-hidden" role="status">
      {said.value}
    </span>
  );
}

function Nothing({ loading, filtered }: { readonly loading: boolean; readonly filtered: boolean }) {
  if (connection.value === "connecting") return <Empty title="Connecting…" />;
  if (loading) return <Empty title="Searching…" />;
  if (filtered) return <Empty title="No log fits">What comes and fits is shown.</Empty>;
  return <Empty title="No log yet">What services log is shown as it comes.</Empty>;
}

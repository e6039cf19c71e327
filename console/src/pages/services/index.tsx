/** What runs: services, their versions and nodes; each of them comes, ages and goes before your eyes. */

import { computed, useComputed, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { useShortcuts } from "~/app/keys";
import { environment, param, setParams, to } from "~/app/router";
import { isNarrow } from "~/app/theme";
import { counted } from "~/logic/format";
import { parentIndex, type Row, rows } from "~/logic/services";
import { Icon } from "~/parts/icons";
import { MoreDetail } from "~/parts/more-detail";
import { Empty } from "~/parts/states";
import { VirtualList } from "~/parts/virtual-list";
import { callsByNode, useCalls } from "~/store/calls";
import { connection } from "~/store/connection";
import { pulse } from "~/store/pulse";
import { livePlaces, places } from "~/store/table";
import { NodeDetails } from "./node";
import { ServiceHead, ServiceRowView } from "./rows";

const ROW_PX = 32;
const ROW_PX_NARROW = 50;
const LEVELS = { service: 1, version: 2, node: 3 } as const;

const facts = computed(() => ({ lives: pulse.value.lives, breakers: pulse.value.breakers, calls: callsByNode.value }));

export function ServicesPage({ rest }: { readonly rest: string }) {
  useCalls();
  const filter = useRef<HTMLInputElement>(null);
  const active = useSignal(0);
  const closed = useSignal<ReadonlySet<string>>(new Set());
  const text = param("q");
  const onlyBad = param("bad") === "1";
  const toggleBad = () => setParams({ bad: param("bad") === "1" ? null : "1" }, "push");
  useShortcuts([
    { keys: "f", does: "Filter", act: () => filter.current?.select() },
    { keys: "b", does: "Only what is not well", act: toggleBad },
  ]);
  const wanted = useComputed(() => ({ environment: environment.value, text: param("q"), onlyBad: param("bad") === "1", closed: closed.value }));
  const scope = rest === "" ? places.value : places.value.filter((place) => place.service === rest);
  const shown = rows(scope, facts.value, wanted.value);

  const chosen = shown.find((row) => row.key === param("node"));

  const setOpen = (row: Row, isOpen: boolean) => {
    const next = new Set(closed.value);
    if (isOpen) next.delete(row.key);
    else next.add(row.key);
    closed.value = next;
  };
  const open = (index: number) => {
    const row = shown[index];
    if (row === undefined) return;
    if (row.kind === "node") setParams({ node: row.key === param("node") ? null : row.key }, "push");
    else setOpen(row, !row.isOpen);
  };
  const key = (event: KeyboardEvent, index: number): boolean => {
    const row = shown[index];
    if (row === undefined || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return false;
    if (row.kind !== "node" && row.isOpen === (event.key === "ArrowLeft")) setOpen(row, !row.isOpen);
    else if (row.kind === "node" && event.key === "ArrowRight") open(index);
    else if (event.key === "ArrowLeft") active.value = parentIndex(shown, index);
    return true;
  };

  return (
    <div class="page-full">
      <div class="page-head">
        <h1>{rest === "" ? "Services" : rest}</h1>
        <span class="summary">{summary(rest)}</span>
        {rest !== "" && <a href={to("/services")}>All services</a>}
      </div>
      <div class="bar-filters">
        <input
          ref={filter}
          class="field services-filter"
          type="search"
          placeholder="Filter by name, version, address"
          aria-label="Filter"
          value={text}
          onInput={(event) => setParams({ q: event.currentTarget.value })}
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
        <button type="button" class="button" aria-pressed={onlyBad} onClick={toggleBad}>
          <Icon name="warn" /> Only what is not well
        </button>
        {rest !== "" && <MoreDetail kind="service" name={rest} />}
      </div>
      {shown.length === 0 ? (
        <Nothing filtered={text !== "" || onlyBad || rest !== "" || environment.value !== ""} />
      ) : (
        <div class="with-details">
        <VirtualList
          count={shown.length}
          rowHeight={isNarrow.value ? ROW_PX_NARROW : ROW_PX}
          label="Services, versions and nodes"
          role="treegrid"
          class="services"
          head={<ServiceHead />}
          active={active}
          onOpen={open}
          onKey={key}
          rowKey={(index) => shown[index]?.key ?? index}
          rowProps={(index) => attributes(shown[index], chosen)}
          row={(index) => {
            const row = shown[index];
            return row === undefined ? null : <ServiceRowView row={row} toggle={() => open(index)} />;
          }}
        />
        {chosen?.kind === "node" && <NodeDetails key={chosen.key} row={chosen} close={() => setParams({ node: null })} />}
        </div>
      )}
    </div>
  );
}

function attributes(row: Row | undefined, chosen: Row | undefined) {
  if (row === undefined) return {};
  const gone = row.kind === "node" && row.place.goneAt !== null ? "is-gone" : "";
  const fresh = row.kind === "node" && row.place.cameAt !== null ? "is-new" : "";
  return {
    role: "row" as const,
    class: `services-row services-${row.kind} ${gone} ${fresh} ${row === chosen ? "is-chosen" : ""}`,
    "aria-level": LEVELS[row.kind],
    ...(row.kind === "node" ? {} : { "aria-expanded": row.isOpen }),
  };
}

function summary(service: string): string {
  const seen = livePlaces.value.filter(
    (place) => (service === "" || place.service === service) && (environment.value === "" || place.environment === environment.value),
  );
  const nodes = counted(seen.length, "node");
  return service === "" ? `${counted(new Set(seen.map((place) => place.service)).size, "service")} · ${nodes}` : nodes;
}

function Nothing({ filtered }: { readonly filtered: boolean }) {
  if (connection.value === "connecting") return <Empty title="Connecting…" />;
  if (filtered) return <Empty title="Nothing fits">{`${counted(livePlaces.value.length, "node")} in all.`}</Empty>;
  return (
    <Empty title="No service is registered">
      A node appears here as soon as one registers: <code>mdk register NAME VERSION ADDRESS -- COMMAND</code>
    </Empty>
  );
}

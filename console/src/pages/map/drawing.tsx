/** The map as a drawing. Each edge is a button. */

import { serviceClass } from "~/logic/colours";
import { health, labelShare, line, type MapEdge, NODE_HEIGHT, NODE_WIDTH, type Places } from "~/logic/call-map";
import { duration, success } from "~/logic/format";
import { go, to } from "~/app/router";
import { perMinute } from "./edge";

const MARGIN_PX = 24;
const NAME_CHARS = 17;
/** About the width of a character of the words at an edge. */
const CHAR_PX = 6;
const SAID = { ok: "works", warn: "fails now and then", bad: "is broken", idle: "is idle" } as const;

interface Props {
  readonly edges: readonly MapEdge[];
  readonly places: Places;
  readonly minutes: number;
  readonly chosen: string;
  readonly choose: (edge: MapEdge) => void;
}

export function Drawing({ edges, places, minutes, chosen, choose }: Props) {
  const names = [...new Set(edges.flatMap((edge) => [edge.caller, edge.callee]))].sort();
  const all = [...places.values()];
  const width = Math.max(...all.map((place) => place.x)) + NODE_WIDTH / 2 + MARGIN_PX;
  const height = Math.max(...all.map((place) => place.y)) + NODE_HEIGHT / 2 + MARGIN_PX + 56;
  return (
    <div class="map" tabIndex={0} role="region" aria-label="Map of calls">
      <svg viewBox={`0 0 ${width} ${height}`} style={{ minWidth: `${Math.min(width, 620)}px`, maxWidth: `${width * 1.25}px` }} role="group" aria-label="Services and their calls">
        <defs>
          {(["ok", "warn", "bad", "idle"] as const).map((kind) => (
            <marker key={kind} id={`arrow-${kind}`} class={`map-arrow is-${kind}`} viewBox="0 0 8 8" refX="5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">
              <path d="M0 0 8 4 0 8z" />
            </marker>
          ))}
        </defs>
        {edges.map((edge) => (
          <EdgeLine key={edge.key} edge={edge} share={labelShare(edge, edges)} places={places} minutes={minutes} isChosen={edge.key === chosen} choose={choose} />
        ))}
        {names.map((name) => (
          <Service key={name} name={name} places={places} edges={edges} />
        ))}
      </svg>
    </div>
  );
}

function EdgeLine({ edge, share, places, minutes, isChosen, choose }: Omit<Props, "edges" | "chosen"> & { readonly edge: MapEdge; readonly share: number; readonly isChosen: boolean }) {
  const [from, to_] = [places.get(edge.caller), places.get(edge.callee)];
  if (from === undefined || to_ === undefined) return null;
  const { d, x, y } = line(from, to_, share);
  const kind = health(edge);
  const rate = success(edge.ok, edge.failed);
  const words = [`${kind === "bad" ? "✗ " : kind === "warn" ? "! " : ""}${perMinute(edge, minutes)}/min`, edge.failed > 0 ? `${rate} ok` : edge.p95 === null ? "" : `p95 ${duration(edge.p95)}`] as const;
  const width = Math.max(...words.map((one) => one.length)) * CHAR_PX + 6;
  const said = `${edge.caller || "unknown"} calls ${edge.callee || "unknown"}: ${SAID[kind]}, ${perMinute(edge, minutes)} a minute, ${rate} worked`;
  const act = () => choose(edge);
  return (
    <g
      class={`map-edge is-${kind} ${isChosen ? "is-chosen" : ""}`}
      role="button"
      tabindex={0}
      aria-pressed={isChosen}
      onClick={act}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        act();
      }}
    >
      <title>{said}</title>
      <path class="map-hit" d={d} />
      <path class="map-line" d={d} marker-end={`url(#arrow-${kind})`} />
      <g transform={`translate(${x} ${y})`} aria-hidden="true">
        <rect class="map-label-back" x={-width / 2} y="-14" width={width} height="28" rx="4" />
        <text class="map-label" y="-3">
          {words[0]}
        </text>
        <text class="map-label is-second" y="10">
          {words[1]}
        </text>
      </g>
    </g>
  );
}

function Service({ name, places, edges }: { readonly name: string; readonly places: Places; readonly edges: readonly MapEdge[] }) {
  const place = places.get(name);
  if (place === undefined) return null;
  const broken = edges.some((edge) => edge.callee === name && health(edge) === "bad");
  const act = () => name !== "" && go(to(`/services/${encodeURIComponent(name)}`));
  const shown = name === "" ? "(unknown)" : name.length > NAME_CHARS ? `${name.slice(0, NAME_CHARS - 1)}…` : name;
  return (
    <g
      class={`map-service ${serviceClass(name)} ${broken ? "is-bad" : ""}`}
      transform={`translate(${place.x - NODE_WIDTH / 2} ${place.y - NODE_HEIGHT / 2})`}
      role="link"
      tabindex={0}
      aria-label={`Service ${name || "unknown"}${broken ? ", calls to it fail" : ""}`}
      onClick={act}
      onKeyDown={(event) => event.key === "Enter" && act()}
    >
      <title>{name}</title>
      <rect width={NODE_WIDTH} height={NODE_HEIGHT} rx="8" />
      <rect class="map-dot" x="12" y={NODE_HEIGHT / 2 - 4} width="8" height="8" rx="2" />
      <text x="28" y={NODE_HEIGHT / 2 + 4.5}>{shown}</text>
    </g>
  );
}

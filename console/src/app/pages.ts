/** The pages, in the order of the navigation. A page is a folder under pages/ and an entry here. */

import type { FunctionComponent } from "preact";
import type { IconName } from "~/parts/icons";
import { LogsPage } from "~/pages/logs";
import { MapPage } from "~/pages/map";
import { OverviewPage } from "~/pages/overview";
import { ProtocolPage } from "~/pages/protocol";
import { ServicesPage } from "~/pages/services";
import { SystemPage } from "~/pages/system";
import { TracePage } from "~/pages/trace";
import { TracesPage } from "~/pages/traces";

export interface Page {
  /** It answers this path, and those below it. */
  readonly path: string;
  readonly title: string;
  readonly icon: IconName;
  /** After `g`; a page without one is no part of the navigation: others lead to it. */
  readonly key?: string;
  /** `rest` is what comes after the path, decoded: the name of a service, the id of a trace. */
  readonly component: FunctionComponent<{ readonly rest: string }>;
}

export const PAGES: readonly Page[] = [
  { path: "/", title: "Overview", icon: "overview", key: "o", component: OverviewPage },
  { path: "/services", title: "Services", icon: "services", key: "s", component: ServicesPage },
  { path: "/traces", title: "Traces", icon: "traces", key: "t", component: TracesPage },
  { path: "/t", title: "Trace", icon: "traces", component: TracePage },
  { path: "/logs", title: "Logs", icon: "logs", key: "l", component: LogsPage },
  { path: "/map", title: "Map", icon: "map", key: "m", component: MapPage },
  { path: "/system", title: "System", icon: "system", key: "y", component: SystemPage },
  { path: "/protocol", title: "Protocol", icon: "protocol", key: "p", component: ProtocolPage },
];

/** The page of a path, and the rest of it; null if there is none. */
export function pageAt(path: string): { readonly page: Page; readonly rest: string } | null {
  for (const page of PAGES) {
    if (path === page.path || path === `${page.path}/`) return { page, rest: "" };
    if (page.path === "/" || !path.startsWith(`${page.path}/`)) continue;
    try {
      return { page, rest: decodeURIComponent(path.slice(page.path.length + 1)) };
    } catch {
      return null; // A stray per cent sign.
    }
  }
  return null;
}

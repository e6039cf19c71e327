/** What is around every page: navigation, search, environment, connection. */

import { useEffect, useRef } from "preact/hooks";
import { connection } from "~/store/connection";
import { pulse } from "~/store/pulse";
import { environments } from "~/store/table";
import { Icon } from "~/parts/icons";
import { Connection } from "./connection-state";
import { Help, helpIsOpen } from "./help";
import { type Shortcut, useShortcuts } from "./keys";
import { type Page, pageAt, PAGES } from "./pages";
import { environment, go, path, setParams, to } from "./router";
import { Search, focusSearch } from "./search";
import { nextTheme, theme } from "./theme";

const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" } as const;

const LED_TO = PAGES.filter((page) => page.key !== undefined);

const GLOBAL: readonly Shortcut[] = [
  { keys: "/", does: "Search", act: focusSearch },
  { keys: "?", does: "This help", act: () => (helpIsOpen.value = true) },
  { keys: "t", does: "Light, dark or as the system", act: nextTheme },
  ...LED_TO.map((page) => ({ keys: `g ${page.key}`, does: page.title, act: () => go(to(page.path)) })),
];

export function Shell() {
  useShortcuts(GLOBAL);
  const found = pageAt(path.value);
  const main = useRef<HTMLElement>(null);
  const title = found === null ? "Not found" : found.rest === "" ? found.page.title : `${found.rest} · ${found.page.title}`;
  useEffect(() => {
    document.title = `${title} · Mission Control`;
  }, [title]);
  return (
    <div class="shell">
      <a class="skip" href="#main" data-external onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href={to("/")}>
          <img src="/icon.svg" alt="" width="20" height="20" />
          <span>Mission Control</span>
        </a>
        <Search />
        <div class="top-right">
          <EnvironmentSwitch />
          <Tenant />
          <Connection />
          <button type="button" class="plain" onClick={nextTheme} title={`Colours: ${theme.value} (t)`} aria-label={`Colours: ${theme.value}`}>
            <Icon name={THEME_ICONS[theme.value]} />
          </button>
          <button type="button" class="plain" onClick={() => (helpIsOpen.value = true)} title="Keys (?)" aria-label="Keys">
            <Icon name="help" />
          </button>
        </div>
      </header>
      <Navigation current={found?.page ?? null} />
      <main id="main" ref={main} tabIndex={-1} class={connection.value === "reconnecting" ? "stale" : ""}>
        {found === null ? <NotFound /> : <found.page.component rest={found.rest} key={found.page.path} />}
      </main>
      <Help />
    </div>
  );
}

function Navigation({ current }: { readonly current: Page | null }) {
  return (
    <nav class="nav" aria-label="Pages">
      {LED_TO.map((page) => (
        <a key={page.path} href={to(page.path)} class="nav-link" aria-current={page === current || (page.path === "/traces" && current?.path === "/t") ? "page" : undefined} title={`g ${page.key}`}>
          <Icon name={page.icon} />
          <span>{page.title}</span>
        </a>
      ))}
    </nav>
  );
}

function EnvironmentSwitch() {
  const names = environments.value.includes(environment.value) || environment.value === "" ? environments.value : [environment.value, ...environments.value];
  return (
    <label class="environment">
      <span class="visually-hidden">Environment</span>
      <select value={environment.value} onChange={(event) => setParams({ env: event.currentTarget.value }, "push")}>
        <option value="">All environments</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Whose data this is; where keys are set, also who looks, and the way out. */
function Tenant() {
  const viewer = pulse.value.viewer;
  if (viewer === null) return null;
  const who = viewer.subject === "" ? "" : `${viewer.subject}, `;
  return (
    <span class="tenant" title={`Tenant ${viewer.tenant}: ${who}may ${viewer.scopes.join(", ")}`}>
      <span class="muted ellipsis">{viewer.tenant}</span>
      {viewer.signed && (
        <form method="post" action="/logout">
          <button class="link-button">Log out</button>
        </form>
      )}
    </span>
  );
}

function NotFound() {
  return (
    <div class="page">
      <h1>Nothing is here</h1>
      <p>
        No page has this address. <a href={to("/")}>To the overview</a>
      </p>
    </div>
  );
}

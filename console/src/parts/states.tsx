/** States shown by colour, icon and word together, so that none of them is needed. */

import type { ComponentChildren } from "preact";
import { levelClass, serviceClass } from "~/logic/colours";
import { success } from "~/logic/format";
import { Icon, type IconName } from "./icons";

export type Tone = "ok" | "warn" | "bad" | "quiet" | "info";

export function State({ tone, icon, children, title }: { readonly tone: Tone; readonly icon: IconName; readonly children: ComponentChildren; readonly title?: string }) {
  return (
    <span class={`state tone-${tone}`} title={title}>
      <Icon name={icon} />
      <span class="state-word">{children}</span>
    </span>
  );
}

/** A service by its name and colour. */
export function ServiceName({ service }: { readonly service: string }) {
  return (
    <span class={`service ${serviceClass(service)}`}>
      <span class="dot" aria-hidden="true" />
      <span class="service-name">{service === "" ? "(unknown)" : service}</span>
    </span>
  );
}

export function LevelName({ level }: { readonly level: string }) {
  return <span class={`level ${levelClass(level)}`}>{level}</span>;
}

/** Share of calls that worked, with a bar; nothing without calls. */
export function SuccessRate({ ok, failed }: { readonly ok: number; readonly failed: number }) {
  const all = ok + failed;
  if (all === 0) return <span class="muted">no calls</span>;
  const tone = failed === 0 ? "ok" : ok / all < 0.95 ? "bad" : "warn";
  return (
    <span class={`rate tone-${tone}`} title={`${ok} of ${all} calls worked`}>
      <span class="rate-text">{success(ok, failed)}</span>
      <span class="bar" aria-hidden="true">
        <span class="bar-fill" style={{ width: `${(100 * ok) / all}%` }} />
      </span>
    </span>
  );
}

/** What is said when there is nothing to show. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="empty-text">{children}</div>}
    </div>
  );
}

/** A question failed. */
export function Problem({ text }: { readonly text: string }) {
  return (
    <p class="problem" role="alert">
      <Icon name="warn" /> {text}
    </p>
  );
}

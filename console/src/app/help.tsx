/** `?`: the keys that work here. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "~/parts/icons";
import { shortcuts } from "./keys";

export const helpIsOpen = signal(false);

const LIST_KEYS = [
  { keys: "↑ ↓", does: "Row by row" },
  { keys: "← →", does: "Close and open a row" },
  { keys: "Enter", does: "What the row stands for" },
  { keys: "Home End", does: "First and last row" },
];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpIsOpen.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const close = () => (helpIsOpen.value = false);
  const [everywhere, going] = [shortcuts.value.filter((one) => !one.keys.startsWith("g ")), shortcuts.value.filter((one) => one.keys.startsWith("g "))];
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <div class="help-inside">
        <header>
          <h2 id="help-title">Keys</h2>
          <button type="button" class="plain" onClick={close} aria-label="Close">
            <Icon name="close" />
          </button>
        </header>
        <div class="help-columns">
          <Keys title="Here" keys={everywhere} />
          <Keys title="Go to" keys={going} />
          <Keys title="In lists" keys={LIST_KEYS} />
        </div>
      </div>
    </dialog>
  );
}

function Keys({ title, keys }: { readonly title: string; readonly keys: readonly { readonly keys: string; readonly does: string }[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {keys.map((one) => (
          <div key={one.keys}>
            <dt>
              {one.keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{one.does}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

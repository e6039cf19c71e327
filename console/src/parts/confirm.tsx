/** An act that cannot be taken back: said in full and confirmed first; for who may, and written to the server's audit log. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { may } from "~/store/pulse";
import { Icon, type IconName } from "./icons";
import { Problem } from "./states";

interface Props {
  /** On the button, and again on the one that confirms. */
  readonly does: string;
  readonly icon: IconName;
  readonly question: string;
  /** What follows from it. */
  readonly children: ComponentChildren;
  readonly method: "POST" | "DELETE";
  /** Where the server is told so. */
  readonly address: string;
  readonly done?: () => void;
}

export function Confirmed({ does, icon, question, children, method, address, done }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = useSignal(false);
  const isActing = useSignal(false);
  const error = useSignal("");
  const title = useId();
  useEffect(() => {
    if (isOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen.value]);
  if (!may("admin")) return null;
  const act = async () => {
    isActing.value = true;
    error.value = "";
    try {
      const answer = await fetch(address, { method });
      if (!answer.ok) throw new Error(((await answer.json()) as { detail?: string }).detail ?? answer.statusText);
      isOpen.value = false;
      done?.();
    } catch (failure) {
      error.value = failure instanceof Error ? failure.message : String(failure);
    } finally {
      isActing.value = false;
    }
  };
  return (
    <>
      <button type="button" class="button is-danger" onClick={() => (isOpen.value = true)}>
        <Icon name={icon} /> {does}…
      </button>
      <dialog ref={dialog} class="confirm" aria-labelledby={title} onClose={() => (isOpen.value = false)}>
        <h2 id={title}>{question}</h2>
        <div class="confirm-text">{children}</div>
        {error.value !== "" && <Problem text={error.value} />}
        <div class="confirm-buttons">
          <button type="button" class="button" onClick={() => (isOpen.value = false)}>
            Cancel
          </button>
          <button type="button" class="button is-danger" disabled={isActing.value} onClick={() => void act()}>
            {does}
          </button>
        </div>
      </dialog>
    </>
  );
}

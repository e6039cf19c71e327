/** Questions as hooks: asked again when the query changes, and after a reconnect. */

import { type ReadonlySignal, signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type AnswerTo, ask, beginTail, connection, endTail, epoch, type Kind, NoAnswer, type QuestionOf } from "./connection";
import { tail } from "./tail";
import type { TailBegin, TailLogs } from "protocol";

export interface Asked<T> {
  /** The newest answer; kept while a newer one is waited for. */
  readonly data: T | null;
  readonly error: string | null;
  readonly loading: boolean;
}

/**
 * The answer to a question. `query` is compared by its JSON; null asks nothing. A function makes it when it is asked,
 * for spans of time that move on; `again` then says when that is.
 *
 * `again` is any value: when it changes, the question is asked once more, and the last answer is kept meanwhile.
 */
export function useAnswer<K extends Kind>(
  kind: K,
  query: QuestionOf<K> | (() => QuestionOf<K>) | null,
  again: unknown = null,
): ReadonlySignal<Asked<AnswerTo<K>>> {
  const answer = useSignal<Asked<AnswerTo<K>>>({ data: null, error: null, loading: query !== null });
  const connected = epoch.value;
  const text = query === null ? null : typeof query === "function" ? "" : JSON.stringify(query);
  const asked = useRef<string | null>(null);
  // Not after the paint: the question is under way while that is done.
  useLayoutEffect(() => {
    if (query === null || connected === 0) return undefined;
    const same = asked.current === text;
    asked.current = text;
    let wanted = true;
    answer.value = { data: same ? answer.peek().data : null, error: null, loading: true };
    ask(kind, typeof query === "function" ? query() : query).then(
      (data) => {
        if (wanted) answer.value = { data, error: null, loading: false };
      },
      (error: unknown) => {
        if (!wanted) return;
        // Lost with the connection: asked again when there is a new one.
        const lost = error instanceof NoAnswer && error.code === "unanswered" && connection.peek() !== "live";
        const said = error instanceof Error ? error.message : String(error);
        answer.value = { data: answer.peek().data, error: lost ? null : said, loading: lost };
      },
    );
    return () => {
      wanted = false;
    };
  }, [kind, text, connected, again]);
  return answer;
}

/** Logs as they come while the component is there; null pauses. `take` is called once a message of the server. */
export function useTail(begin: TailBegin | null, take: (m: TailLogs) => void): void {
  const taker = useRef(take);
  taker.current = take;
  const text = begin === null ? null : JSON.stringify(begin);
  useEffect(() => {
    if (begin === null) return undefined;
    tail.taker = (m) => taker.current(m);
    beginTail(begin);
    return () => {
      tail.taker = null;
      endTail();
    };
  }, [text]);
}

/** A signal that is remembered in this browser; not for what belongs into the address. */
export function remembered<T extends string>(key: string, otherwise: T, allowed: readonly T[]) {
  const found = localStorage.getItem(key) as T | null;
  const value = signal<T>(found !== null && allowed.includes(found) ? found : otherwise);
  value.subscribe((now) => localStorage.setItem(key, now));
  return value;
}

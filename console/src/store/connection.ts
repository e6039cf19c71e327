/** The one connection to the server: the generated client over `/rtp`, kept alive by its engine. */

import { signal } from "@preact/signals";
import { type Answer, Open, type Pulse, Question, REVISION, REVISION_PROPERTY, SessionClient, Statistics } from "protocol";
import { connect, RequestFailed } from "protocol/engine";
import { own } from "~/logic/identity";
import { pulses, watched } from "./pulse";
import { tail } from "./tail";
import { table } from "./table";

/**
 * - connecting: never been connected
 * - live: connected to a server that speaks all of the protocol
 * - reconnecting: the connection is lost, and tried again by itself
 * - denied: the server wants to know who we are
 */
export type ConnectionState = "connecting" | "live" | "reconnecting" | "denied";

export const connection = signal<ConnectionState>("connecting");

/** Counts the connections that came to live: what was asked on an earlier one is asked again. */
export const epoch = signal(0);

/** Why the server hung up, if it said so. */
export const closed = signal<string | null>(null);

const PROBE_PATH = "/api/services?limit=1";
const UNAUTHORIZED = 401;
const NOTHING = () => {};

/** Told of each pulse, beside store/pulse.ts. */
export const pulseTakers: ((m: Pulse) => void)[] = [];

const client = new SessionClient({
  ownOpen: () =>
    new Open({ nodeId: own.nodeId, mdkVersion: own.version, properties: { [REVISION_PROPERTY]: REVISION } }),
  opened: NOTHING,
  extended() {
    connection.value = "live";
    closed.value = null;
    // Questions wait for the part that asks them, which begins with this very turn.
    queueMicrotask(() => (epoch.value += 1));
  },
  closed(error) {
    closed.value = error?.title ?? error?.code ?? null;
  },
  wanted: () => [table.follow()],
  tableBegins: (m) => table.begins(m),
  changed: (m) => table.changed(m),
  tableEnds: (m) => table.ends(m),
  tableComplete: () => table.complete(),
  ownTail: () => tail.begin,
  keepTail: (begin) => tail.keep(begin),
  tailReceived: (m) => tail.received(m),
  ownWatch: () => watched.watch,
  keepWatch: (watch) => {
    watched.watch = watch;
  },
  pulse(m) {
    pulses.take(m);
    for (const taker of pulseTakers) taker(m);
  },
  ownStatistics: () => new Statistics(),
  // The console registers nothing, calls nobody and sends no logs.
  remember: NOTHING,
  forget: NOTHING,
  ownNodes: () => [],
  nodeActive: NOTHING,
  nodeExpired: NOTHING,
  cleared: () => table.clear(),
  logReceived: NOTHING,
  breakersNotClosed: () => [],
  levelRuled: NOTHING,
  storingChanged: NOTHING,
});

/** The address is asked for before every attempt: a failed handshake looks the same to scripts whatever its reason. */
function address(): string {
  if (connection.value === "live") lost();
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/rtp`;
}

function lost(): void {
  connection.value = "reconnecting";
  table.lost();
}

class Socket extends WebSocket {
  constructor(url: string | URL) {
    super(url);
    let opened = false;
    this.addEventListener("open", () => (opened = true));
    this.addEventListener("close", () => {
      if (connection.value === "live") lost();
      if (!opened) void probe();
    });
  }
}

/** Find out whether the handshake failed because nobody is logged in. */
async function probe(): Promise<void> {
  try {
    const { status } = await fetch(PROBE_PATH, { cache: "no-store" });
    if (status === UNAUTHORIZED) {
      connection.value = "denied";
      client.stop();
      sessionStorage.setItem(own.returnKey, location.pathname + location.search);
      location.assign("/login");
    }
  } catch {
    // The server is away: the engine tries again.
  }
}

/** Connect, and stay so for as long as the page lives. */
export function start(): void {
  client.watch(watched.watch);
  void connect(client, address, { WebSocket: Socket });
}

/** Why a question has no answer, to be shown. */
export class NoAnswer extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}

export type Kind = Exclude<keyof Question & keyof Answer, "request" | "error">;
export type QuestionOf<K extends Kind> = NonNullable<Question[K]>;
export type AnswerTo<K extends Kind> = NonNullable<Answer[K]>;

/**
 * Ask the server: `ask("logs", new LogsQuery({ limit: 100 }))`.
 *
 * @throws {NoAnswer} rejected with it, if the server refuses, is away, or takes too long
 */
export async function ask<K extends Kind>(kind: K, query: QuestionOf<K>): Promise<AnswerTo<K>> {
  let answer: Answer;
  try {
    answer = await client.ask_(new Question({ [kind]: query }));
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    throw new NoAnswer("unanswered", "The server does not answer at the moment.");
  }
  if (answer.error !== undefined) {
    const { code = "unknown", title, detail } = answer.error;
    throw new NoAnswer(code, detail ?? title ?? code);
  }
  const found = answer[kind];
  if (found === undefined) throw new NoAnswer("empty", "The server's answer is empty.");
  return found as AnswerTo<K>;
}

/** Where this connection stands in a part of the protocol; null while the part is not live. */
export function stateOf(part: string): string | null {
  return client.state(part);
}

/** Have logs sent as they come; the filter holds over reconnects. See store/tail.ts. */
export function beginTail(begin: typeof tail.begin): void {
  client.tail(begin);
}

export function endTail(): void {
  client.endTail();
}

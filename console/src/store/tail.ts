/** Live logs: one tail at a time, filtered by the server. The page that wants it gives the filter and takes the rows. */

import { TailBegin, type TailLogs } from "protocol";

type Taker = (m: TailLogs) => void;

export const tail = {
  /** What the server is asked for on every new connection. */
  begin: new TailBegin(),
  taker: null as Taker | null,

  keep(begin: TailBegin): void {
    this.begin = begin;
  },

  received(m: TailLogs): void {
    this.taker?.(m);
  },
};

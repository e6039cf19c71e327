/** Which traces came since a list was made, as far as their logs tell. */

const REMEMBERED_MAX = 1000;

export class NewTraces {
  readonly #ids = new Set<string>();
  #more = false;

  take(traceIds: readonly string[], skipped: number): void {
    for (const id of traceIds) if (this.#ids.size < REMEMBERED_MAX) this.#ids.add(id);
    this.#more ||= skipped > 0 || this.#ids.size === REMEMBERED_MAX;
  }

  /** "12 new", "200+ new"; empty if all of them are listed. */
  said(listed: ReadonlySet<string>): string {
    let fresh = 0;
    for (const id of this.#ids) if (!listed.has(id)) fresh += 1;
    return fresh === 0 ? "" : `${fresh}${this.#more ? "+" : ""} new`;
  }
}

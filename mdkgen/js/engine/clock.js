/** Seconds on a clock that never goes back: what endpoints use unless they are given another one. */
export const monotonic = () => performance.now() / 1000;

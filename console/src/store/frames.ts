/** At most one change of what is shown for each frame, however fast the server speaks. */

/** Call `take` with the newest value before the next frame. In a hidden tab, where there are no frames, by a timer. */
export function batched<T>(take: (value: T) => void): (value: T) => void {
  let waiting = false;
  let newest: T;
  const flush = () => {
    waiting = false;
    take(newest);
  };
  return (value) => {
    newest = value;
    if (waiting) return;
    waiting = true;
    if (document.hidden) setTimeout(flush, 250);
    else requestAnimationFrame(flush);
  };
}

/** After what was changed just now is painted: time for what can wait. */
export function shown(): Promise<void> {
  return new Promise((resolve) => {
    if (document.hidden) setTimeout(resolve, 0);
    else requestAnimationFrame(() => setTimeout(resolve, 0));
  });
}

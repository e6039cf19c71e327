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

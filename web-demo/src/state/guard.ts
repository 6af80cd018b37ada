// Whether the code of the last visit brought the page to a stop: code that is saved and runs by
// itself at opening would otherwise do so for good.
const NAME = "ilk-working";

/** Milliseconds between two signs of life; a page that gave none for four of them has stopped. */
const BEAT = 500;

function keep(time: number | undefined): void {
  try {
    if (time === undefined) localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, String(time));
  } catch {
    // Where nothing can be saved no code comes back either.
  }
}

/** Returns true if the page stopped responding while cells ran, the last time it was open. */
export function hasHung(): boolean {
  try {
    const last = Number(localStorage.getItem(NAME) ?? 0);
    return last > 0 && Date.now() - last > 4 * BEAT;
  } catch {
    return false;
  }
}

/** Records that code is about to run: what comes next may never end. */
export function aboutToRun(): void {
  keep(Date.now());
}

/** Gives signs of life while cells run. */
export function watchOver(isWorking: () => boolean): void {
  const rest = () => keep(undefined);
  setInterval(() => (isWorking() ? aboutToRun() : rest()), BEAT);
  addEventListener("pagehide", rest);
  document.addEventListener("visibilitychange", () => document.hidden && rest());
}

// Walking from item to item: whoever shows items says where to go, whoever asks for one goes there.
const listeners = new Set<(id: string) => void>();
let isWalking = false;

/** Goes to an item. */
export function walkTo(id: string): void {
  isWalking = true;
  for (const listener of listeners) listener(id);
}

/** Hears of items to go to, until the returned function is called. */
export function onWalk(listener: (id: string) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Returns true, once, if the item shown was walked to, so that the focus can follow. */
export function hasWalked(): boolean {
  const walked = isWalking;
  isWalking = false;
  return walked;
}

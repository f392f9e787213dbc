/** The last epoch ms that ECMAScript's dates know, to either side of 1970; times come from the headers of strangers. */
const LAST_MS = 8.64e15

/** Epoch ms as people and programs read it. */
export const timeText = (at: number): string =>
  Math.abs(at) <= LAST_MS ? new Date(at).toISOString() : `epoch ms ${at}`

/**
 * Forgetting by time: what is left of a weight halves with every half-life, however many events lie in between. A clock that
 * was set back forgets nothing.
 */

/** The share, in [0, 1], that is left after `elapsedMs`. */
export const leftAfter = (elapsedMs: number, halfLifeMs: number): number => 2 ** (-Math.max(0, elapsedMs) / halfLifeMs)

/**
 * A clock for durations and time limits. The clock of a machine is put right now and then, by an hour where it ran in another zone until
 * then, and what was to happen in a minute must not wait for an hour and a minute.
 */

/**
 * Epoch ms of `now` as long as nobody sets it back; from then on ahead of it by as much. Only differences mean anything. A clock that is
 * set on, or a machine that slept, is followed: then the time has passed.
 */
export const neverBack = (now: () => number): (() => number) => {
  let last = now()
  let ahead = 0
  return () => {
    const at = now()
    if (at < last) ahead += last - at
    last = at
    return at + ahead
  }
}

/**
 * What time it is on the box, to the second: countdowns run against its clock, whatever the clock of the browser says.
 */
import { computed, signal } from '@preact/signals'
import { moment } from './router.ts'

const SECOND_MS = 1_000

/** How far the box's clock is ahead of the browser's, in ms. */
const ahead = signal(0)
const browserNow = signal(Date.now())
setInterval(() => {
  browserNow.value = Date.now()
}, SECOND_MS)

/** @param boxNow epoch ms that the box has just told as its present */
export const setClock = (boxNow: number): void => {
  const difference = boxNow - Date.now()
  // The way of an answer makes it vary; only a clock that is wrong is worth a correction.
  if (Math.abs(difference - ahead.peek()) > SECOND_MS) ahead.value = difference
}

export const boxNow = computed(() => browserNow.value + ahead.value)

/** The moment that is looked at: the chosen one, or now. */
export const seenAt = computed(() => moment.value ?? boxNow.value)

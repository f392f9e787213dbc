/**
 * The live connection: the log as it grows. Lists of events go on with what it brings, so that they are asked for once; for
 * everything else it says that it is time to ask again, at most once a second however many events come, and not at all while
 * nobody looks. So an open dashboard costs the box little, and what it shows is an answer of the API and no guess.
 */
import { signal } from '@preact/signals'
import type { EventRow } from '#http/admin/event-row.ts'
import { authorization } from './api/ask.ts'
import { makeEventParser } from './sse.ts'

export type LiveState = 'connecting' | 'live' | 'reconnecting'
export const liveState = signal<LiveState>('connecting')

/** Grows whenever what is shown may be out of date. */
export const pulse = signal(0)
/** As `pulse`, for what takes the box longer to answer. */
export const slowPulse = signal(0)
/** Grows when a connection begins that does not resume an earlier one: between the two something may have been missed. */
export const beginning = signal(0)

const REFRESH_MS = 1_000
const SLOW_REFRESH_MS = 5_000
const RETRY_LEAST_MS = 500
const RETRY_MOST_MS = 5_000
/** The box sends a heartbeat every 15 s; a connection that is silent for longer than two of them is dead. */
const SILENCE_MS = 35_000

type Listener = (rows: readonly EventRow[]) => unknown
const listeners = new Set<Listener>()

/** Calls back with new events, the oldest first, until the returned function is called. */
export const onEvents = (listener: Listener): (() => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Makes a signal grow soon, at most once in `everyMs`. */
const coalesced = (target: { value: number }, everyMs: number): (() => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined
  let last = 0
  return () => {
    if (timer !== undefined || document.hidden) return
    timer = setTimeout(
      () => {
        timer = undefined
        last = Date.now()
        target.value += 1
      },
      Math.max(0, last + everyMs - Date.now()),
    )
  }
}
const refreshQuick = coalesced(pulse, REFRESH_MS)
const refreshSlow = coalesced(slowPulse, SLOW_REFRESH_MS)
const refreshSoon = (): void => {
  refreshQuick()
  refreshSlow()
}
// What was left out while nobody looked.
document.addEventListener('visibilitychange', refreshSoon)

/** Stays connected until the returned function is called. */
export const connect = (): (() => void) => {
  const stopped = new AbortController()
  void stayConnected(stopped.signal)
  return () => stopped.abort()
}

const stayConnected = async (stopped: AbortSignal): Promise<void> => {
  let lastId = ''
  let failures = 0
  while (!stopped.aborted) {
    const before = lastId
    lastId = await listen(stopped, lastId, () => {
      failures = 0
      liveState.value = 'live'
      if (before === '') beginning.value += 1
      // What happened while nobody listened.
      refreshSoon()
    })
    if (stopped.aborted) return
    liveState.value = 'reconnecting'
    if (lastId === before) failures += 1
    await pause(Math.min(RETRY_MOST_MS, RETRY_LEAST_MS * 2 ** failures), stopped)
  }
}

/** One connection; returns the last id that it brought. It ends when the box ends it, falls silent or cannot be reached. */
const listen = async (stopped: AbortSignal, lastId: string, onOpen: () => void): Promise<string> => {
  const silent = new AbortController()
  let watch = setTimeout(() => silent.abort(), SILENCE_MS)
  let id = lastId
  try {
    const response = await fetch('/admin/events/live', {
      headers: { ...authorization(), ...(lastId === '' ? {} : { 'last-event-id': lastId }) },
      signal: AbortSignal.any([stopped, silent.signal]),
    })
    if (!response.ok || response.body === null) return id
    onOpen()
    const parse = makeEventParser()
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return id
      clearTimeout(watch)
      watch = setTimeout(() => silent.abort(), SILENCE_MS)
      const events = parse(value)
      if (events.length === 0) continue
      id = events.at(-1)?.id ?? id
      // The box and the page are of one release.
      const rows = events.map(({ data }) => JSON.parse(data) as EventRow)
      for (const hear of listeners) hear(rows)
      refreshSoon()
    }
  } catch {
    // However it broke, the loop above shows it and connects again.
    return id
  } finally {
    clearTimeout(watch)
  }
}

const pause = (ms: number, stopped: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    stopped.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })

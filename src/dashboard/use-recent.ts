/**
 * The newest events of some types up to a moment: asked for once, then continued by the live connection.
 */
import { useEffect, useState } from 'preact/hooks'
import type { EventRow } from '#http/admin/event-row.ts'
import { fetchEvents } from './api/events.ts'
import { beginning, onEvents } from './live.ts'
import { moment } from './router.ts'
import { useAnswer } from './use-answer.ts'

/** The most that one page of the API brings. */
export const RECENT = 500

const NONE: readonly EventRow[] = []

/** Those of the moment that is looked at, the newest first; empty until they have come. */
export const useRecent = (types: readonly string[]): readonly EventRow[] => useEventsUntil(types, moment.value)

/** @param until epoch ms; null: now, and whatever comes */
export const useEventsUntil = (types: readonly string[], until: number | null): readonly EventRow[] => {
  const names = types.join(' ')
  const question = `${names} ${until ?? `from connection ${beginning.value}`}`
  const { answer } = useAnswer(
    question,
    (signal) => fetchEvents({ type: types, until, limit: RECENT }, signal),
    'never',
  )
  const [heard, hear] = useState<readonly EventRow[]>(NONE)
  useEffect(() => {
    hear(NONE)
    if (until !== null) return
    const wanted = new Set(names.split(' '))
    return onEvents((rows) => {
      const fitting = rows.filter(({ type }) => wanted.has(type)).toReversed()
      if (fitting.length > 0) hear((before) => [...fitting, ...before].slice(0, RECENT))
    })
  }, [names, until])
  if (answer._tag !== 'Ok') return NONE
  const { data } = answer.value
  const head = data[0]?.position ?? 0
  // What came while the page was under way is in both.
  const newer = heard.filter(({ position }) => position > head)
  return newer.length === 0 ? data : [...newer, ...data].slice(0, RECENT)
}

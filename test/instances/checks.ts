/**
 * What must be true of a log that several instances have written, and of what clients and readers saw, whatever was broken
 * meanwhile. What is wrong comes back as text.
 */
import { startReplay } from '#actors/replay.ts'
import { isTerminal } from '#domain/events.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import type { HeardAnswer } from '../crash/load.ts'

/** Positions without holes, nothing twice, each writer's events in its order. */
export const order = (rows: readonly RecordedEvent[]): readonly string[] => {
  const problems: string[] = []
  const seqs = new Map<string, number>()
  for (const [index, { position, writer, writerSeq }] of rows.entries()) {
    if (position !== index + 1) problems.push(`position ${position} is at place ${index + 1}`)
    const before = seqs.get(writer) ?? 0
    if (writerSeq !== before + 1) problems.push(`writer ${writer} has ${writerSeq} after ${before}, at ${position}`)
    seqs.set(writer, writerSeq)
  }
  return problems
}

/** Every request is admitted once and ends once. An instance that was given up may end what was closed for it. */
export const endings = (rows: readonly RecordedEvent[]): readonly string[] => {
  const problems: string[] = []
  const open = new Set<string>()
  const ended = new Map<string, string>()
  for (const { event, position } of rows) {
    if (!('requestId' in event)) continue
    const id = event.requestId
    if (event._tag === 'RequestAdmitted') {
      if (open.has(id) || ended.has(id)) problems.push(`${id} is admitted again at ${position}`)
      open.add(id)
    }
    if (!isTerminal(event)) continue
    if (ended.has(id)) problems.push(`${event._tag} of ${id} at ${position}, after ${ended.get(id)}`)
    else if (!open.delete(id)) problems.push(`${event._tag} of ${id} at ${position}, which was not open`)
    ended.set(id, event._tag)
  }
  for (const id of open) problems.push(`${id} never ends`)
  return problems
}

/** What clients saw complete is in the log, as they saw it. */
export const promises = (rows: readonly RecordedEvent[], answers: readonly HeardAnswer[]): readonly string[] => {
  const ends = new Map(
    rows.flatMap(({ event }) =>
      'requestId' in event && isTerminal(event) ? [[event.requestId as string, event] as const] : [],
    ),
  )
  return answers.flatMap(({ requestId, status, complete }) => {
    if (!complete) return []
    const end = ends.get(requestId)
    const isThere =
      status === 200 ? end?._tag === 'AttemptSucceeded' : end?._tag === 'RequestFailed' && end.status === status
    return isThere
      ? []
      : [`${requestId} was complete with status ${status}, its end in the log is ${end?._tag ?? 'missing'}`]
  })
}

/** Every recorded decision follows from what its instance knew. */
export const decisions = (rows: readonly RecordedEvent[]): readonly string[] => {
  const replay = startReplay()
  for (const recorded of rows) replay.next({ _tag: 'Known', recorded })
  replay.finish()
  const difference = replay.difference()
  return difference === undefined ? [] : [`replay: ${JSON.stringify(difference)}`]
}

/** A reader saw the log in its order, without a hole, from where it began. */
export const readings = (
  rows: readonly RecordedEvent[],
  readers: ReadonlyMap<string, readonly { readonly position: number; readonly type: string }[]>,
): readonly string[] =>
  [...readers].flatMap(([name, seen]) =>
    seen.flatMap(({ position, type }, index) => {
      const before = seen[index - 1]
      if (before !== undefined && position !== before.position + 1)
        return [`reader ${name} saw ${position} after ${before.position}`]
      const { event } = rows[position - 1] ?? {}
      return event?._tag === type ? [] : [`reader ${name} saw ${type} at ${position}, where the log has ${event?._tag}`]
    }),
  )

/**
 * At most one probe of a provider is under way, over all instances, by the time at which they were sent and answered. Within one
 * millisecond the answer counts as the earlier: it is what gives the lease back.
 */
export const probes = (rows: readonly RecordedEvent[]): readonly string[] => {
  const problems: string[] = []
  const open = new Map<string, { readonly requestId: string; readonly attempt: number; readonly since: number }>()
  const isStart = ({ event }: RecordedEvent): number => (event._tag === 'AttemptStarted' ? 1 : 0)
  for (const row of rows.toSorted((a, b) => a.occurredAt - b.occurredAt || isStart(a) - isStart(b))) {
    const { event, occurredAt } = row
    for (const [provider, probe] of open) {
      const isOver =
        ((event._tag === 'AttemptSucceeded' || event._tag === 'AttemptFailed') &&
          event.requestId === probe.requestId &&
          event.attempt === probe.attempt) ||
        (event._tag === 'RequestAbandoned' && event.requestId === probe.requestId)
      if (isOver) open.delete(provider)
    }
    if (event._tag !== 'AttemptStarted' || event.probe === undefined || event.lastResort === true) continue
    const { requestId, attempt, provider } = event
    const other = open.get(provider)
    if (other !== undefined) {
      problems.push(`${requestId} probes ${provider} at ${occurredAt}, ${other.requestId} since ${other.since}`)
    }
    open.set(provider, { requestId, attempt, since: occurredAt })
  }
  return problems
}

/**
 * How long breaker facts took to the others, ms: from the append, by the database's clock, until the others folded them in, by theirs,
 * which here is the same. That they say so in the log may take longer, while it is away.
 */
export const spread = (rows: readonly RecordedEvent[]): readonly number[] => {
  const lives = new Map<string, { readonly from: number; until: number }>()
  for (const { event, position } of rows) {
    if (event._tag === 'BoxStarted') lives.set(event.instance, { from: position, until: Number.POSITIVE_INFINITY })
    if (event._tag === 'BoxStopped') end(lives, event.instance, position)
  }
  // An instance that was killed ends with its last event.
  const last = new Map(rows.map(({ writer, position }) => [writer, position]))
  for (const { event } of rows)
    if (event._tag === 'InstanceLost') end(lives, event.instance, last.get(event.instance) ?? 0)
  return rows.flatMap(({ event, position, recordedAt, writer }) => {
    if (event._tag !== 'CircuitOpened' && event._tag !== 'ProviderThrottled') return []
    return [...lives].flatMap(([instance, { from, until }]) => {
      if (instance === writer || from > position || until < position) return []
      const heard = rows
        .slice(position)
        .find((row) => row.writer === instance && row.event._tag === 'PeersHeard' && row.event.upTo >= position)
      return heard === undefined ? [] : [Math.max(0, heard.occurredAt - recordedAt)]
    })
  })
}

const end = (lives: Map<string, { readonly from: number; until: number }>, instance: string, at: number): void => {
  const life = lives.get(instance)
  if (life !== undefined) life.until = Math.min(life.until, at)
}

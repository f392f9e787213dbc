/**
 * The log as server-sent events: first what the listener has missed, page by page from the log, then every commit. An event
 * is made text once, for however many listen. What a listener does not take is kept up to a bound; beyond it the listener is
 * cut off, and comes back with the last position that it has seen.
 */
import { Effect, Latch, Stream } from 'effect'
import type { Ledger } from '#actors/ledger.ts'
import type { EventLog, EventLogError, ReadEvent } from '#actors/ports.ts'
import type { PlacedEvent } from '#domain/recorded-event.ts'
import { eventRow, recordedRow } from '#http/admin/event-row.ts'

/** More dashboards than a box has operators. */
export const MOST_LISTENERS = 100
/** Some thousand events: longer than any pause of a client that is well. */
export const MOST_WAITING_BYTES = 1_048_576
/** Proxies close connections that are silent for a minute. */
export const HEARTBEAT_MS = 15_000
/** How soon a client that lost the connection comes back. */
const RETRY_MS = 2_000
const PAGE = 500

export interface LiveQuestion {
  readonly ledger: Ledger['Service']
  readonly log: EventLog['Service']
  /** Exclusive. */
  readonly after: number
  /** Undefined: all. */
  readonly types: ReadonlySet<string> | undefined
  readonly stream: string | undefined
  /** Breaks the connection off. */
  readonly cut: () => void
}

/** The text of the event stream. It ends only with its listener. */
export const liveEvents = (question: LiveQuestion): Stream.Stream<Uint8Array, EventLogError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { ledger, log, types, stream, cut } = question
      const wanted = (event: PlacedEvent): boolean =>
        (types === undefined || types.has(event.event._tag)) && (stream === undefined || event.stream === stream)
      const waiting: PlacedEvent[] = []
      const news = Latch.makeUnsafe(false)
      let waitingBytes = 0
      const isKnown = question.after <= ledger.heard().position
      // Another instance may have heard more than this one. A position that the log itself does not have is another log's.
      let sent = isKnown ? question.after : Math.min(question.after, yield* log.head)
      let isCaughtUp = false

      const hear = (events: readonly PlacedEvent[]): void => {
        // Until it has caught up it reads the log itself, which holds them too.
        if (!isCaughtUp) return
        for (const event of events) {
          if (!wanted(event)) continue
          waiting.push(event)
          waitingBytes += frameOf(event).length
        }
        if (waitingBytes > MOST_WAITING_BYTES) cut()
        news.openUnsafe()
      }
      yield* ledger.follow(hear)

      const missed = Effect.gen(function* () {
        const head = ledger.heard().position
        const rows = yield* log.read({
          after: sent,
          limit: PAGE,
          ...(types === undefined ? {} : { types: [...types] }),
          ...(stream === undefined ? {} : { stream }),
        })
        const last = rows.at(-1)
        if (last !== undefined) sent = positionOf(last)
        // Nothing was committed meanwhile: what comes next is heard.
        if (rows.length < PAGE && ledger.heard().position === head) isCaughtUp = true
        return rows.map((row) => textOf(positionOf(row), eventRow(row))).join('')
      })

      const heard = Effect.gen(function* () {
        const isAlive = yield* Effect.timeoutOption(news.await, HEARTBEAT_MS)
        if (isAlive._tag === 'None') return ': heartbeat\n\n'
        news.closeUnsafe()
        const text = waiting.splice(0).map((event) => (event.position > sent ? frameOf(event) : ''))
        waitingBytes = 0
        return text.join('')
      })

      const next = Effect.suspend(() => (isCaughtUp ? heard : missed))
      return Stream.concat(
        Stream.succeed(`retry: ${RETRY_MS}\n: from ${sent}\n\n`),
        Stream.fromEffectRepeat(next),
      ).pipe(
        Stream.filter((text) => text !== ''),
        Stream.encodeText,
      )
    }),
  )

const positionOf = (row: ReadEvent): number => (row._tag === 'Known' ? row.recorded.position : row.position)

const textOf = (position: number, row: object): string => `id: ${position}\ndata: ${JSON.stringify(row)}\n\n`

const frames = new WeakMap<PlacedEvent, string>()

const frameOf = (event: PlacedEvent): string => {
  const known = frames.get(event)
  if (known !== undefined) return known
  const frame = textOf(event.position, recordedRow(event))
  frames.set(event, frame)
  return frame
}

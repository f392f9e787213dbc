/**
 * A box with the fault proxy on both of its sides: between the client and the box, and between the box and the provider that it
 * asks first. Whatever the proxies do, what the client sees must be honest and the log sound; both are judged here.
 */
import { Effect } from 'effect'
import { isTerminal } from '#domain/events.ts'
import { answer, type Step } from '#infra/simulator/script.ts'
import { startFaultProxy } from '#test/fault-proxy.ts'
import { type BoxOptions, type ProviderOptions, patient, type RunningBox, startBox } from '#test/server.ts'
import { callBody, eventNames, startProviders } from '#test/simulator.ts'
import { type Answer, header, send } from './http-client.ts'

export const WORDS = 'the first provider speaks slowly and at length '.repeat(6)
export const SECOND_WORDS = 'the second provider stepped in'

/** Some forty events, two or three milliseconds apart. */
export const slowAnswer = answer(WORDS, { pace: { eventsPerWrite: 1, betweenWritesMs: 2 } })

export const streaming = { body: callBody({ stream: true }) }

export interface FaultBedOptions {
  readonly seed?: number
  /** What the first provider answers, always; default `slowAnswer`. */
  readonly step?: Step
  readonly timeouts?: ProviderOptions['timeouts']
  readonly box?: Omit<BoxOptions, 'providers'>
}

/** Trips on nothing, so that each fault meets the same box. */
export const faultBed = ({ seed = 1, step = slowAnswer, timeouts = {}, box: more = {} }: FaultBedOptions = {}) =>
  Effect.gen(function* () {
    const { first, second } = yield* startProviders({
      first: { script: [{ times: Number.POSITIVE_INFINITY, step }], keepRequests: 2_000 },
      second: { script: [{ times: Number.POSITIVE_INFINITY, step: answer(SECOND_WORDS) }], keepRequests: 2_000 },
    })
    const toProvider = yield* startFaultProxy({ port: first.port, seed })
    const { breaker, retryBudget } = patient
    const box = yield* startBox({
      providers: {
        first: { url: toProvider.url, breaker, timeouts },
        second: { url: second.url, breaker },
      },
      retryBudget,
      ...more,
    })
    const toBox = yield* startFaultProxy({ port: box.port, seed })
    return { first, second, toProvider, toBox, box, ask: send(toBox.port, streaming) }
  })

/** The text of the streamed deltas. */
export const textOf = (got: Answer): string =>
  [...got.body.toString().matchAll(/^data: (\{.*"text_delta".*\})$/gm)]
    .map(([, data = '']) => (JSON.parse(data) as { readonly delta: { readonly text: string } }).delta.text)
    .join('')

/**
 * What is dishonest in an answer that was to be a stream: an end without `message_stop` or an error, two beginnings, anything
 * behind the end. Empty when it may be shown to a client.
 */
export const dishonest = (got: Answer): readonly string[] => {
  const names = eventNames(got.body.toString()).filter((name) => name !== 'ping')
  const starts = names.filter((name) => name === 'message_start').length
  const ends = names.filter((name) => name === 'message_stop' || name === 'error').length
  return [
    ...(starts > 1 ? [`${starts} beginnings`] : []),
    ...(ends > 1 ? [`${ends} ends`] : []),
    ...(ends === 1 && names.at(-1) !== 'message_stop' && names.at(-1) !== 'error' ? ['something behind the end'] : []),
    ...(got.ending === 'complete' && got.status === 200 && ends === 0 ? ['a clean end without message_stop'] : []),
    ...(got.ending === 'broken' && names.at(-1) === 'message_stop' ? ['a whole answer, broken off'] : []),
  ]
}

/** What is unsound in the log of a box that is at rest. */
export const unsound = (box: RunningBox): Effect.Effect<readonly string[]> =>
  Effect.gen(function* () {
    yield* Effect.repeat(Effect.delay(Effect.sync(box.server.active), 5), { until: (active) => active === 0 })
    const events = yield* box.events
    const byRequest = Map.groupBy(
      events.filter(({ event }) => 'requestId' in event),
      ({ correlation }) => correlation,
    )
    const endings = [...byRequest].flatMap(([id, rows]) => {
      const terminals = rows.filter(({ event }) => isTerminal(event))
      return terminals.length === 1 && rows.at(-1) === terminals[0] ? [] : [`${id} has ${terminals.length} ends`]
    })
    const difference = yield* box.replayDifference
    return [
      ...endings,
      ...(difference === undefined ? [] : [`replay: ${JSON.stringify(difference)}`]),
      ...(box.timekeeper.size() === 0 ? [] : [`${box.timekeeper.size()} watches are left`]),
    ]
  })

/** How the log says that the answer ended: its last event, and the failed attempts before it. */
export const recorded = (box: RunningBox, got: Answer) =>
  Effect.map(box.events, (events) => {
    const id = header(got, 'x-signalbox-request-id')
    const mine = events.flatMap((row) => (row.correlation === id ? [row.event] : []))
    return {
      end: mine.at(-1)?._tag,
      failed: mine.flatMap((event) =>
        event._tag === 'AttemptFailed' ? [`${event.provider} ${event.reason._tag} in ${event.stage}`] : [],
      ),
    }
  })

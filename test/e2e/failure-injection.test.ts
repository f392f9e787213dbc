/**
 * A failure at every event of two golden streams, in every way a provider can fail: nobody sees it before the first
 * content, everybody sees it as it was after it (the stages S0 to S3 of docs/adr/0007).
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { raw, type Step } from '#infra/simulator/script.ts'
import { patient, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { type Answer, header, send } from './http-client.ts'

interface Golden {
  readonly name: string
  /** One per event, with its blank line. */
  readonly frames: readonly string[]
}

const golden = (name: string): Golden => {
  const text = readFileSync(new URL(`../fixtures/anthropic/${name}.sse`, import.meta.url), 'utf8')
  return { name, frames: text.split(/(?<=\n\n)/).filter((frame) => frame.startsWith('event:')) }
}

const SECOND = golden('stream.text')
  .frames.join('')
  .replaceAll('msg_01Sample', 'msg_02Second')
  .replace('Hello', 'Second')
const ERROR = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'

type How = 'reset' | 'fin' | 'cleanEnd' | 'error' | 'stall'

/** The first `at` events, then the failure. */
const failing = ({ frames }: Golden, at: number, how: How): Step => {
  const before = frames.slice(0, at).join('')
  const where = before === '' ? ('afterHeaders' as const) : { bytes: Buffer.byteLength(before) }
  const whole = frames.join('')
  if (how === 'error') return raw(before + ERROR)
  if (how === 'stall') return raw(whole, { fault: { _tag: 'Stall', at: where } })
  return raw(whole, { fault: { _tag: 'Drop', at: where, how } })
}

/** What the client may expect, told from the stream alone. */
const expected = ({ frames }: Golden, at: number): 'fallback' | 'mirror' | 'complete' => {
  const before = frames.slice(0, at)
  const has = (name: string) => before.some((frame) => frame.startsWith(`event: ${name}\n`))
  if (has('message_delta')) return 'complete'
  // Empty thinking is a delta too: the client has seen the block begin.
  return has('content_block_delta') ? 'mirror' : 'fallback'
}

const REASONS: { readonly [K in How]: readonly string[] } = {
  reset: ['Transport'],
  fin: ['Transport'],
  cleanEnd: ['MalformedOutput'],
  error: ['Overloaded'],
  stall: ['Timeout'],
}

const check = (stream: Golden, at: number, how: How, answer: Answer, events: readonly RecordedEvent[]): void => {
  const body = answer.body.toString()
  const before = stream.frames.slice(0, at).join('')
  const log = events.map(({ event }) => event)
  const tags = log.map((event) => event._tag)
  const failed = log.find((event) => event._tag === 'AttemptFailed')
  expect(answer.status).toBe(200)
  switch (expected(stream, at)) {
    case 'fallback':
      expect(body).toBe(SECOND)
      expect(answer.ending).toBe('complete')
      expect(header(answer, 'x-signalbox-provider')).toBe('second')
      expect(header(answer, 'x-signalbox-attempts')).toBe('2')
      expect(tags).toEqual([
        'RequestAdmitted',
        'RouteChosen',
        'AttemptStarted',
        'AttemptFailed',
        'AttemptStarted',
        'AttemptSucceeded',
      ])
      expect(['S0', 'S1']).toContain(failed?.stage)
      expect(REASONS[how]).toContain(failed?.reason._tag)
      return
    case 'mirror':
      expect(body).toBe(how === 'error' ? before + ERROR : before)
      expect(answer.ending).toBe(how === 'error' ? 'complete' : 'broken')
      expect(body).not.toContain('message_stop')
      expect(header(answer, 'x-signalbox-provider')).toBe('first')
      expect(tags).toEqual(['RequestAdmitted', 'RouteChosen', 'AttemptStarted', 'AttemptFailed', 'RequestFailed'])
      expect(failed?.stage).toBe('S2')
      expect(REASONS[how]).toContain(failed?.reason._tag)
      return
    case 'complete':
      if (how === 'error' && at < stream.frames.length) {
        // The provider's own word is passed on, whatever came before it.
        expect(body).toBe(before + ERROR)
        expect(tags.at(-1)).toBe('RequestFailed')
        return
      }
      expect(body.replace(ERROR, '')).toBe(stream.frames.join(''))
      expect(answer.ending).toBe('complete')
      expect(tags).toEqual(['RequestAdmitted', 'RouteChosen', 'AttemptStarted', 'AttemptSucceeded'])
  }
}

describe.each([golden('stream.text'), golden('stream.thinking_tools'), golden('stream.thinking_omitted_redacted')])(
  'a provider that fails during $name',
  (stream) => {
    it.live.each(['reset', 'fin', 'cleanEnd', 'error', 'stall'] as const)(
      'by %s is replaced or mirrored at every event',
      (how) =>
        Effect.gen(function* () {
          const places = Array.from({ length: stream.frames.length + 1 }, (_, at) => at)
          const { first, second } = yield* startProviders({
            first: {
              script: places.map((at) => ({
                when: { headers: { 'x-place': String(at) } },
                step: failing(stream, at, how),
              })),
            },
            second: { script: [{ times: Number.POSITIVE_INFINITY, step: raw(SECOND) }] },
          })
          const provider = { ...patient, timeouts: { firstContentMs: 300, idleMs: 300 } }
          const box = yield* startBox({
            providers: { first: { url: first.url, ...provider }, second: { url: second.url, ...provider } },
            retryBudget: patient.retryBudget,
          })
          const answers = yield* Effect.forEach(
            places,
            (at) =>
              send(box.port, {
                headers: [
                  ['content-type', 'application/json'],
                  ['x-place', String(at)],
                ],
                body: callBody({ stream: true }),
              }),
            { concurrency: 'unbounded' },
          )
          const events = yield* box.events
          for (const [at, answer] of answers.entries()) {
            const id = header(answer, 'x-signalbox-request-id')
            const mine = events.filter(({ correlation }) => correlation === id)
            try {
              check(stream, at, how, answer, mine)
            } catch (error) {
              throw new Error(`${how} after ${at} events: ${error instanceof Error ? error.message : String(error)}`)
            }
          }
          const fallenBack = second.requests.flatMap(({ headers }) => {
            const place = headers.find(([name]) => name.toLowerCase() === 'x-place')?.[1]
            return place === undefined ? [] : [Number(place)]
          })
          expect(fallenBack.toSorted((a, b) => a - b)).toEqual(
            places.filter((at) => expected(stream, at) === 'fallback'),
          )
          expect(yield* box.replayDifference).toBeUndefined()
          expect(box.timekeeper.size()).toBe(0)
        }),
    )
  },
)

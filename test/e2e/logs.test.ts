/**
 * The log lines and the traces of the command line under traffic of every ending: one line a request, on standard error and in
 * the file, valid, with the ids of the answer's headers; one span a request and one an attempt at a real collector.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Ajv } from 'ajv'
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, stall } from '#infra/simulator/script.ts'
import { type Receiver, startReceiver } from '#test/alert-receiver.ts'
import { configOf, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { type Answer, header, send, start } from './http-client.ts'

const LIMIT = 60_000
const PROMPT = 'a-prompt-that-nobody-may-log'
const COMPLETION = 'a-completion-that-nobody-may-log'
const KEY = 'sk-ant-a-key-that-nobody-may-log'
const body = callBody({ stream: true, messages: [{ role: 'user', content: PROMPT }] })
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

const isValid = new Ajv({ allErrors: true, strict: false }).compile(
  JSON.parse(readFileSync(new URL('../../docs/log-line.schema.json', import.meta.url), 'utf8')),
)

type Line = Readonly<Record<string, unknown>>

/** Every line of a text, each checked against the schema. */
const linesOf = (text: string): readonly Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const parsed = JSON.parse(line)
      expect(isValid(parsed), `${line}\n${JSON.stringify(isValid.errors)}`).toBe(true)
      return parsed
    })

const ofRequests = (lines: readonly Line[]) => lines.filter((line) => line['event.dataset'] === 'signalbox.request')

/** Waits until it holds; a test's time limit is its own. */
const eventually = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.andThen(Effect.sleep(5), eventually(holds))))

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code: number }
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[]
}
const spansOf = ({ received }: Receiver): readonly Span[] =>
  received.flatMap(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans)
const attribute = (span: Span, name: string): unknown =>
  Object.values(span.attributes.find(({ key }) => key === name)?.value ?? {})[0]

const idsOf = (answered: Answer) => [
  header(answered, 'x-signalbox-request-id'),
  header(answered, 'x-signalbox-trace-id'),
]

describe('the log and the traces of a process', () => {
  it.live(
    'tell of each request once, however it ended, with the ids that its client saw',
    () =>
      Effect.gen(function* () {
        const good = answer(COMPLETION)
        const { one, two } = yield* startProviders({
          one: {
            script: [
              good,
              good,
              refusals.overloaded(),
              refusals.invalidRequest('it is wrong'),
              stall({ events: 4 }),
              stall({ events: 4 }),
            ],
          },
          two: { script: [{ times: 9, step: good }] },
        })
        const collector = yield* startReceiver()
        const config = {
          ...configOf(one, two),
          log: { file: { path: 'logs/box.log', maxBytes: '1 kB', keep: 1_000, compress: false } },
          telemetry: {
            traces: { endpoint: `${collector.url}/v1/traces`, headers: { 'x-key': { env: 'COLLECTOR_KEY' } } },
          },
        }
        const environment = { COLLECTOR_KEY: 'the-key-of-the-collector' }
        const box = yield* startProcess({ config, environment })
        const calling = (traceparent?: string) =>
          send(box.port, {
            headers: [
              ['content-type', 'application/json'],
              ['x-api-key', KEY],
              ['x-claude-code-session-id', 'the-session'],
              ['x-signalbox-project', 'the%20project'],
              ...(traceparent === undefined ? [] : ([['traceparent', traceparent]] as const)),
            ],
            body,
          })
        const served = yield* calling()
        const traced = yield* calling(`00-${TRACE}-${SPAN}-01`)
        const fallenBack = yield* calling('not a valid one')
        const failed = yield* calling()
        expect([served, traced, fallenBack, failed].map(({ status }) => status)).toEqual([200, 200, 200, 400])

        const leaving = start(box.port, { body })
        leaving.on('error', () => undefined)
        yield* one.until(({ number, bytesSent }) => number === 5 && bytesSent > 0)
        leaving.destroy()
        yield* eventually(() => box.stderr().includes('"signalbox.outcome":"cancelled"'))

        const lost = start(box.port, { body })
        lost.on('error', () => undefined)
        yield* one.until(({ number, bytesSent }) => number === 6 && bytesSent > 0)
        yield* Effect.repeat(box.events, {
          until: (events) => events.filter(({ event }) => event._tag === 'AttemptStarted').length === 7,
        })
        yield* eventually(() => spansOf(collector).length === 5 + 6)
        box.signal('SIGKILL')
        yield* box.exited
        const next = yield* startProcess({ config, environment, folder: box.folder })
        yield* eventually(() => spansOf(collector).length === 6 + 7)
        next.signal('SIGTERM')
        expect((yield* next.exited).code).toBe(0)

        const lines = linesOf(box.stderr() + next.stderr())
        const requests = ofRequests(lines)
        expect(
          requests.map((line) => [line['signalbox.outcome'], line['event.outcome'], line['http.response.status_code']]),
        ).toEqual([
          ['succeeded', 'success', 200],
          ['succeeded', 'success', 200],
          ['succeeded', 'success', 200],
          ['failed', 'failure', 400],
          ['cancelled', 'unknown', undefined],
          ['abandoned', 'unknown', undefined],
        ])
        const admitted = (yield* next.events).flatMap(({ event }) =>
          event._tag === 'RequestAdmitted' ? [event.requestId] : [],
        )
        expect(requests.map((line) => line['signalbox.request_id'])).toEqual(admitted)
        expect(requests.slice(0, 4).map((line) => [line['signalbox.request_id'], line['trace.id']])).toEqual(
          [served, traced, fallenBack, failed].map(idsOf),
        )
        expect(requests[1]?.['trace.id']).toBe(TRACE)
        expect(new Set(requests.map((line) => line['trace.id'])).size).toBe(6)
        expect(requests[2]).toMatchObject({
          'signalbox.provider': 'two',
          'signalbox.attempts': 2,
          'signalbox.failed_providers': ['one'],
          'signalbox.failed_reasons': ['Overloaded'],
          'signalbox.session_id': 'the-session',
          'signalbox.project': 'the project',
        })
        expect(requests[3]?.['error.type']).toBe('InvalidRequest')

        // The file holds what standard error does, over all its parts.
        const folder = join(box.folder, 'logs')
        const parts = readdirSync(folder)
          .filter((name) => name !== 'box.log')
          .sort()
        expect(parts.length).toBeGreaterThan(3)
        const inFile = [...parts, 'box.log'].map((name) => readFileSync(join(folder, name), 'utf8')).join('')
        expect(ofRequests(linesOf(inFile))).toEqual(requests)

        // Nothing that is nobody's business, and no credential.
        const everything = box.stderr() + next.stderr() + inFile + collector.received.map((got) => got.body).join()
        for (const secret of [PROMPT, COMPLETION, KEY, 'it is wrong', environment.COLLECTOR_KEY]) {
          expect(everything).not.toContain(secret)
        }

        const spans = spansOf(collector)
        expect(collector.received[0]?.headers['x-key']).toBe(environment.COLLECTOR_KEY)
        expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length)
        const roots = spans.filter(({ name }) => name === 'POST /v1/messages')
        expect(new Set(roots.map(({ traceId }) => traceId))).toEqual(new Set(requests.map((line) => line['trace.id'])))
        expect(roots.map(({ parentSpanId }) => parentSpanId)).toEqual([
          undefined,
          SPAN,
          undefined,
          undefined,
          undefined,
          undefined,
        ])
        const [root, first, second] = spans.filter(({ traceId }) => traceId === requests[2]?.['trace.id'])
        expect([first, second].map((span) => span?.parentSpanId)).toEqual([root?.spanId, root?.spanId])
        expect(
          [first, second].map((span) => span && [span.status.code, attribute(span, 'signalbox.provider')]),
        ).toEqual([
          [2, 'one'],
          [0, 'two'],
        ])
        const nanosOf = (span: Span | undefined) =>
          [BigInt(span?.startTimeUnixNano ?? 0), BigInt(span?.endTimeUnixNano ?? 0)] as const
        const [[from, to], [firstFrom, firstTo], [secondFrom, secondTo]] = [
          nanosOf(root),
          nanosOf(first),
          nanosOf(second),
        ]
        for (const [earlier, later] of [
          [from, firstFrom],
          [firstFrom, firstTo],
          [firstTo, secondFrom],
          [secondFrom, secondTo],
          [secondTo, to],
        ] as const) {
          expect(earlier).toBeLessThanOrEqual(later)
        }
        expect(root && attribute(root, 'signalbox.request_id')).toBe(header(fallenBack, 'x-signalbox-request-id'))
      }),
    LIMIT,
  )

  it.live(
    'say nothing of a trace to anybody where the configuration does not, and all of it where it does',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const collector = yield* startReceiver()
        const tracing = (more: object) => ({ ...configOf(sim), telemetry: { traces: more } })
        const call = {
          headers: [
            ['content-type', 'application/json'],
            ['traceparent', `00-${TRACE}-${SPAN}-01`],
            ['tracestate', 'vendor=1'],
            ['baggage', 'user=me'],
          ],
          body,
        } as const
        const silent = yield* startProcess({ config: tracing({}) })
        const answered = yield* send(silent.port, call)
        expect(header(answered, 'x-signalbox-trace-id')).toBe(TRACE)
        const [first] = sim.requests
        expect(first?.headers.map(([name]) => name.toLowerCase())).not.toContain('traceparent')

        const telling = yield* startProcess({ config: tracing({ endpoint: collector.url, propagate: true }) })
        yield* send(telling.port, call)
        yield* eventually(() => spansOf(collector).length === 2)
        const told = new Map(sim.requests.at(-1)?.headers.map(([name, value]) => [name.toLowerCase(), value]))
        const [, attempt] = spansOf(collector)
        expect(told.get('traceparent')).toBe(`00-${TRACE}-${attempt?.spanId}-01`)
        expect(told.get('tracestate')).toBe('vendor=1')
        expect(told.has('baggage')).toBe(false)
        // Only the process that was told to has exported anything.
        expect(collector.received).toHaveLength(1)
      }),
    LIMIT,
  )

  it.live(
    'serve as ever with a collector that is away, which costs nothing but a counter',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const config = { ...configOf(sim), telemetry: { traces: { endpoint: 'http://127.0.0.1:1/v1/traces' } } }
        const box = yield* startProcess({ config })
        for (let n = 0; n < 3; n += 1) expect((yield* send(box.port, { body })).status).toBe(200)
        yield* box.printed(/the collector of traces cannot be reached/)
        const metrics = yield* send(box.port, { method: 'GET', path: '/metrics', headers: [] })
        expect(metrics.body.toString()).toMatch(/^signalbox_spans_exported_total 0$/m)
        expect(metrics.body.toString()).toMatch(/^signalbox_spans_dropped_total 0$/m)
        expect(metrics.body.toString()).toMatch(/^signalbox_log_lines_dropped_total 0$/m)
        box.signal('SIGTERM')
        expect((yield* box.exited).code).toBe(0)
      }),
    LIMIT,
  )

  it.live(
    'are for people where the configuration says so, though nobody watches',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const box = yield* startProcess({ config: { ...configOf(sim), log: { format: 'pretty' } } })
        const answered = yield* send(box.port, { body })
        yield* box.printed(/served by/)
        const id = header(answered, 'x-signalbox-request-id')
        expect(box.stderr()).toMatch(
          new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} INFO  claude-opus-5-5: served by sim in .* request=${id}$`, 'm'),
        )
        expect(box.stderr()).not.toContain('\u001b')
      }),
    LIMIT,
  )
})

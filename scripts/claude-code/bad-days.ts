/**
 * Providers fail in every way: before the first content nobody notices; after it the client sees what it would see without
 * Signalbox; a dead Signalbox is survived.
 */
import { Effect, Fiber } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, drop, type Entry, errorEvent, raw, type Step, stall } from '#infra/simulator/script.ts'
import * as stories from '#infra/simulator/stories.ts'
import type { Story } from '#infra/simulator/story.ts'
import { startProcess } from '#test/signalbox-process.ts'
import { callsOf, withoutSignalbox } from './good-days.ts'
import type { Scenario } from './scenario.ts'
import {
  check,
  checkContent,
  checkFinished,
  checkLog,
  checkSame,
  checkTranscript,
  setStage,
  successes,
} from './stage.ts'
import { resultOf, retries } from './transcript.ts'

const always = (step: Step): readonly Entry[] => [{ times: Number.POSITIVE_INFINITY, step }]

/** Each turn of a task fails at the first provider in another way. */
const fallback: Scenario = {
  name: 'provider dies before first content',
  play: Effect.gen(function* () {
    const alpha = [
      drop('afterHeaders'),
      drop({ events: 2 }, 'fin'),
      errorEvent(1, 'overloaded_error'),
      drop('beforeHeaders'),
      stall({ events: 1 }),
    ]
    const stage = yield* setStage({
      story: stories.severalTools,
      scripts: { alpha, beta: [] },
      provider: { timeouts: { firstContent: '1 s' }, breaker: { consecutiveFailures: 100 } },
    })
    const result = yield* stage.client()
    yield* checkContent(result)
    yield* check(stage.fileText('story.txt') === 'alpha\ngamma\n', 'the task was not done')
    const straight = yield* withoutSignalbox(stories.severalTools)
    yield* checkTranscript(stage.transcript(result), straight.lines)
    yield* checkLog(stage)
    const log = yield* stage.log
    const failed = log.flatMap((event) => (event._tag === 'AttemptFailed' ? [event.reason._tag] : []))
    yield* check(failed.length === 5, `${failed.length} attempts failed, not 5`)
    yield* check(
      successes(log).every(({ provider }) => provider === 'beta'),
      'somebody else than beta served',
    )
    return `5 of 5 turns fell back unseen (${[...new Set(failed)].join(', ')})`
  }),
}

/** `step` is what the first call meets; `story` has what comes after. */
const mirrored = (
  name: string,
  story: () => Story,
  step: Step,
  known: (calls: readonly string[]) => boolean,
): Scenario => ({
  name: `after first content: ${name}`,
  play: Effect.gen(function* () {
    const scripts = { alpha: [{ when: { nth: 1 }, step }] }
    const straight = yield* withoutSignalbox(story, scripts)
    yield* check(
      known(straight.calls),
      `without Signalbox the client called ${straight.calls.join(' ')}, which is not what is known of it`,
    )
    // A second provider must not be asked for the same answer: the client has seen content of the first. Asked again, it may.
    const stage = yield* setStage({ story, scripts: { ...scripts, beta: [] } })
    const result = yield* stage.client()
    yield* checkFinished(result)
    const { alpha, beta } = stage.simulators
    yield* checkSame('the calls', [...callsOf(alpha), ...callsOf(beta)], straight.calls)
    yield* checkTranscript(stage.transcript(result), straight.lines)
    const attempts = (yield* stage.log).flatMap((event) => (event._tag === 'RequestFailed' ? [event.attempts] : []))
    yield* check(attempts.join(' ') === '1', `the request that broke off had ${attempts.join(' ')} attempts`)
    yield* checkLog(stage)
    return `calls ${straight.calls.join(' ')}, as without Signalbox`
  }),
})

const oneText = (): Story => stories.plainAnswer(`Simulated answer: ${'a few words and '.repeat(20)}the end.`)

const oneTool = (): Story => ({
  main: [[{ type: 'text', text: 'unused' }], [{ type: 'text', text: 'Simulated: the tool has run.' }]],
})
/** A complete tool call, a while later a part of the next event, then a reset: the client has read the call by then. */
const cutAfterTool = (): Step => {
  const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
  const usage = { input_tokens: 10, output_tokens: 1 }
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    stop_reason: null,
    usage,
  }
  const input = JSON.stringify({ command: 'echo from-the-tool > tool.txt', description: 'Write a word' })
  const call = [
    event('message_start', { message }),
    event('content_block_start', {
      index: 0,
      content_block: { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: {} },
    }),
    event('content_block_delta', { index: 0, delta: { type: 'input_json_delta', partial_json: input } }),
    event('content_block_stop', { index: 0 }),
  ].join('')
  const bytes = `${call}event: message_delta\n`
  return raw(bytes, {
    pace: { bytesPerWrite: [call.length, bytes.length], betweenWritesMs: 1_000 },
    fault: { _tag: 'Drop', at: { bytes: bytes.length }, how: 'reset' },
  })
}

const same =
  (...wanted: readonly string[]) =>
  (calls: readonly string[]) =>
    calls.join(' ') === wanted.join(' ')

const moving: Scenario = {
  name: 'a session moves between providers in mid-task',
  play: Effect.gen(function* () {
    const down = { step: refusals.overloaded(), times: Number.POSITIVE_INFINITY }
    const scripts = {
      alpha: [{ when: { nth: 1 }, step: answer() }, { when: { nth: 2 }, step: answer() }, down],
      beta: [{ when: { nth: 1 }, step: answer() }, down],
      gamma: [],
    }
    const stage = yield* setStage({ story: stories.severalTools, scripts })
    const result = yield* stage.client()
    yield* checkContent(result)
    yield* check(stage.fileText('story.txt') === 'alpha\ngamma\n', 'the task was not done')
    const straight = yield* withoutSignalbox(stories.severalTools)
    yield* checkTranscript(stage.transcript(result), straight.lines)
    yield* checkLog(stage)
    const served = successes(yield* stage.log).map(({ provider }) => provider)
    yield* check(served.join(' ') === 'alpha alpha beta gamma gamma', `served by ${served.join(' ')}`)
    return `served by ${served.join(', ')}`
  }),
}

const storm: Scenario = {
  name: '429 storm on the first provider',
  play: Effect.gen(function* () {
    const scripts = {
      alpha: always({ ...refusals.refusalOfType('rate_limit_error'), headers: { 'retry-after': '1' } }),
      beta: [],
    }
    const stage = yield* setStage({ story: stories.severalTools, scripts })
    const result = yield* stage.client()
    yield* checkContent(result)
    yield* checkLog(stage)
    const log = yield* stage.log
    const throttled = log.filter((event) => event._tag === 'ProviderThrottled').length
    yield* check(throttled > 0, 'the first provider was not throttled')
    yield* check(
      successes(log).every(({ provider }) => provider === 'beta'),
      'somebody else than beta served',
    )
    const asked = stage.simulators.alpha?.requests.length ?? 0
    return `${successes(log).length} turns by beta; alpha was asked ${asked} times`
  }),
}

const limited: Scenario = {
  name: 'all providers limited',
  play: Effect.gen(function* () {
    const limit = { ...refusals.refusalOfType('rate_limit_error'), headers: { 'retry-after': '3' } }
    const stage = yield* setStage({ story: () => stories.plainAnswer(), scripts: { alpha: [limit], beta: [limit] } })
    const result = yield* stage.client()
    yield* checkFinished(result)
    const [first] = retries(result)
    yield* check(first?.error_status === 429, `the client saw ${JSON.stringify(first)} instead of a 429`)
    yield* check(Number(first?.retry_delay_ms) >= 2_000, `the client waited ${first?.retry_delay_ms} ms only`)
    yield* checkLog(stage)
    yield* check(successes(yield* stage.log).length === 1, 'nobody served in the end')
    return `the client waited ${Math.round(Number(first?.retry_delay_ms) / 100) / 10} s and succeeded (${retries(result).length} retry)`
  }),
}

const killed: Scenario = {
  name: 'kill -9 of Signalbox in mid-stream, restart',
  play: Effect.gen(function* () {
    const stage = yield* setStage({
      story: stories.severalTools,
      scripts: { alpha: [{ when: { nth: 2 }, step: stall({ events: 5 }) }] },
    })
    const { alpha } = stage.simulators
    const running = yield* Effect.forkChild(stage.client())
    if (alpha !== undefined) {
      yield* alpha.until(({ number, bytesSent, body }) => number === 2 && bytesSent > 0 && body.length > 0)
    }
    // Long enough for what was sent to be durable and to have reached the client; nothing depends on it being exact.
    yield* Effect.sleep(1_000)
    stage.box.signal('SIGKILL')
    yield* stage.box.exited
    yield* Effect.sleep(1_000)
    const args = ['serve', '--port', String(stage.box.port)]
    const config = { providers: { alpha: { kind: 'anthropic-compatible', baseUrl: alpha?.url } } }
    yield* startProcess({ folder: stage.box.folder, config, args })
    const result = yield* Fiber.join(running)
    yield* checkFinished(result)
    yield* check(retries(result).length > 0, 'the client saw nothing of it')
    yield* check(stage.fileText('story.txt') === 'alpha\ngamma\n', 'the task was not done')
    yield* checkLog(stage)
    const log = yield* stage.log
    const abandoned = log.filter((event) => event._tag === 'RequestAbandoned').length
    yield* check(abandoned === 1, `${abandoned} requests were closed as abandoned, not 1`)
    return `${retries(result).length} retries, task done, 1 request abandoned; ended with ${String(resultOf(result)?.subtype)}`
  }),
}

export const badDays: readonly Scenario[] = [
  fallback,
  mirrored('reset in a text', oneText, drop({ events: 8 }), same('S2', 'S2')),
  mirrored('error event in a text', oneText, errorEvent(8, 'overloaded_error'), same('S2', 'N2')),
  mirrored('reset after a complete tool call', oneTool, cutAfterTool(), same('S2', 'S4')),
  moving,
  storm,
  limited,
  killed,
]

/**
 * A log that has some days behind it: what three providers served for two projects, written as the ledger would have. The same
 * seed gives the same days, moved to end at a given time.
 */
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type Policy } from '#domain/policy.ts'
import { type NewEvent, streamOf } from '#domain/recorded-event.ts'
import { draw } from '#infra/simulator/draws.ts'

const HOUR_MS = 3_600_000
const DAYS = 6
const SEED = 7
/** Requests in an hour of the working day. */
const BUSIEST = 26

/** USD per million tokens: input, output, cache read, cache write. */
const MODELS = [
  { name: 'claude-sonnet-5-5', share: 0.62, prices: [3, 15, 0.3, 3.75] },
  { name: 'claude-opus-5-5', share: 0.2, prices: [5, 25, 0.5, 6.25] },
  { name: 'claude-haiku-4-5', share: 0.18, prices: [1, 5, 0.1, 1.25] },
] as const

/** The first serves most, and the others more on the days on which it is short. */
export const DEMO_PROVIDERS = ['vertex', 'anthropic', 'openrouter'] as const

/** Events of the days before `end` (epoch ms), in order. */
export const pastDays = (end: number): readonly NewEvent[] => {
  const events: NewEvent[] = []
  const versions = new Map<string, number>()
  const add = (event: DomainEvent, occurredAt: number): void => {
    const stream = streamOf(event)
    const streamVersion = (versions.get(stream) ?? 0) + 1
    versions.set(stream, streamVersion)
    const correlation = 'requestId' in event ? { correlation: event.requestId } : {}
    events.push({
      ...{ event, stream, streamVersion, occurredAt, writer: 'demo', writerSeq: events.length + 1 },
      ...correlation,
    })
  }
  const start = Math.floor((end - DAYS * 24 * HOUR_MS) / HOUR_MS) * HOUR_MS
  add({ _tag: 'BoxStarted', instance: 'demo', version: '0.1.0' }, start)
  add({ _tag: 'PolicyChanged', version: 1, policy }, start)
  let n = 0
  for (let hour = start + HOUR_MS; hour < end - HOUR_MS; hour += HOUR_MS) {
    const requests = Math.round(BUSIEST * workload(hour) * (0.6 + 0.8 * draw(SEED, n, 99)))
    for (let index = 0; index < requests; index++) {
      n += 1
      served(n, hour + Math.round(((index + 0.5) / requests) * HOUR_MS)).map(([event, at]) => add(event, at))
    }
  }
  return events
}

/** 0 to 1, by the hour of the day and the day of the week (UTC). */
const workload = (at: number): number => {
  const date = new Date(at)
  const isWeekend = date.getUTCDay() === 0 || date.getUTCDay() === 6
  const hour = date.getUTCHours()
  const ofDay = hour < 7 || hour > 20 ? 0.04 : hour < 9 || hour > 17 ? 0.4 : 1
  return isWeekend ? ofDay * 0.2 : ofDay
}

const served = (n: number, at: number): readonly (readonly [DomainEvent, number])[] => {
  const of = (purpose: number): number => draw(SEED, n, purpose)
  const id = requestId(`req_demo${String(n).padStart(18, '0')}`)
  const day = Math.floor(at / (24 * HOUR_MS))
  const vertexShare = 0.45 + 0.3 * draw(SEED, day, 50)
  const provider = providerId(of(1) < vertexShare ? 'vertex' : of(2) < 0.7 ? 'anthropic' : 'openrouter')
  const model = MODELS.find((_, index) => of(3) < MODELS.slice(0, index + 1).reduce((sum, { share }) => sum + share, 0))
  const { name, prices } = model ?? MODELS[0]
  const project = of(4) < 0.6 ? 'website' : 'backend'
  const session = `${project}-${day}-${Math.floor(of(5) * 6)}`
  const agent = of(6) < 0.3 ? { agentId: `agent-${Math.floor(of(7) * 3)}` } : {}
  const usage = {
    inputTokens: Math.round(400 + 4_000 * of(8)),
    outputTokens: Math.round(150 + 1_600 * of(9) ** 2),
    cacheReadTokens: Math.round(20_000 + 90_000 * of(10)),
    cacheWrite5mTokens: Math.round(500 + 6_000 * of(11)),
    cacheWrite1hTokens: 0,
  }
  const [input, output, read, write] = prices
  // USD per million tokens are thousands of billionths per token.
  const costNanoUsd = Math.round(
    1_000 *
      (usage.inputTokens * input +
        usage.outputTokens * output +
        usage.cacheReadTokens * read +
        usage.cacheWrite5mTokens * write),
  )
  const saved = Math.round(
    1_000 * (usage.cacheReadTokens * (input - read) - usage.cacheWrite5mTokens * (write - input)),
  )
  const asked = modelId(name)
  const ttftMs = Math.round(500 + 1_500 * of(12) ** 2)
  const durationMs = ttftMs + Math.round(usage.outputTokens * (8 + 8 * of(13)))
  const counts = { bodyBytes: 200_000, messages: 40, tools: 23, images: 0 }
  const switches = of(14) < 0.06 ? { switchNanoUsd: Math.round(saved * 0.6) } : {}
  return [
    [
      {
        ...{ _tag: 'RequestAdmitted', requestId: id, model: asked, stream: true, ...counts },
        ...{ sessionId: session, project, ...agent, draw: of(15) },
      },
      at,
    ],
    [{ _tag: 'AttemptStarted', requestId: id, attempt: 1, provider, model: asked, ...switches }, at + 2],
    [
      {
        ...{ _tag: 'AttemptSucceeded', requestId: id, attempt: 1, provider, model: asked, status: 200, usage },
        ...{ stopReason: 'end_turn', ttftMs, durationMs, responseBytes: 9_000, costNanoUsd, cacheSavedNanoUsd: saved },
      },
      at + durationMs,
    ],
  ]
}

const policy: Policy = {
  ...defaultPolicy,
  providers: DEMO_PROVIDERS.map((id, index) => ({
    ...{ id: providerId(id), kind: 'anthropic-compatible', enabled: true, priority: (index + 1) * 10, models: {} },
    ...{ breaker: defaultBreaker, timeouts: defaultTimeouts },
  })),
}

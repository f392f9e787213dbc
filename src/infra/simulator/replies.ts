/**
 * Plans for everything that is not a model's answer: statuses, JSON, raw bytes. `usual` are the headers that the provider
 * puts on every API response.
 */
import type { HeaderList } from '#actors/ports.ts'
import { finishPlan, type Plan } from '#infra/simulator/plan.ts'
import { rfc3339 } from '#infra/simulator/rate-limits.ts'
import type { AnswerStep, RawStep, StatusStep, Step } from '#infra/simulator/script.ts'

export interface ReplyTo {
  readonly requestId: string
  /** Epoch ms. */
  readonly at: number
  readonly usual: HeaderList
}

export const COMPLETE = { _tag: 'Complete' } as const

export const STREAM_HEADERS: HeaderList = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['cache-control', 'no-cache'],
]

export const stepPlan = (step: Exclude<Step, AnswerStep>, to: ReplyTo): Plan => {
  switch (step._tag) {
    case 'Status':
      return statusPlan(step, to)
    case 'Raw':
      return rawPlan(step, to)
    case 'RefuseConnections':
      return { status: 0, headers: [], headersAtMs: undefined, pieces: [], ending: step }
  }
}

export const statusPlan = (step: StatusStep, to: ReplyTo): Plan => {
  if (typeof step.body === 'string') {
    return bodyPlan(step.status, withHeaders([], step.headers), step.body, step.afterMs)
  }
  const retryAfter = Number(step.headers?.['retry-after'] ?? 0)
  const shown =
    step.exhausted === undefined
      ? {}
      : {
          [`anthropic-ratelimit-${step.exhausted}-remaining`]: '0',
          [`anthropic-ratelimit-${step.exhausted}-reset`]: rfc3339(to.at + retryAfter * 1_000),
        }
  const headers = withHeaders([['content-type', 'application/json'], ...to.usual], { ...shown, ...step.headers })
  return bodyPlan(step.status, headers, JSON.stringify({ ...step.body, request_id: to.requestId }), step.afterMs)
}

export const jsonPlan = (body: object, to: ReplyTo): Plan =>
  bodyPlan(200, [['content-type', 'application/json'], ...to.usual], JSON.stringify(body))

export const emptyPlan: Plan = {
  status: 200,
  headers: [['content-length', '0']],
  headersAtMs: 0,
  pieces: [],
  ending: COMPLETE,
}

const rawPlan = (step: RawStep, to: ReplyTo): Plan => {
  const { pace = {} } = step
  const headersAtMs = pace.headersMs ?? 0
  return finishPlan(
    {
      status: step.status ?? 200,
      headers: step.headers ?? [...STREAM_HEADERS, ...to.usual],
      headersAtMs,
      pieces: [{ atMs: headersAtMs, bytes: Buffer.from(step.bytes) }],
      ending: COMPLETE,
    },
    step.fault,
    pace,
  )
}

const bodyPlan = (status: number, headers: HeaderList, text: string, afterMs = 0): Plan => {
  const bytes = Buffer.from(text)
  return {
    status,
    headers: [...headers, ['content-length', String(bytes.length)]],
    headersAtMs: afterMs,
    pieces: [{ atMs: afterMs, bytes }],
    ending: COMPLETE,
  }
}

const withHeaders = (headers: HeaderList, more: { readonly [name: string]: string } = {}): HeaderList => [
  ...headers.filter(([name]) => more[name] === undefined),
  ...Object.entries(more),
]

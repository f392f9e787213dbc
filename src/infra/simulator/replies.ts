/**
 * Plans for everything that is not a model's answer: statuses, JSON, raw bytes.
 */
import type { HeaderList } from '#actors/ports.ts'
import { finishPlan, type Plan } from '#infra/simulator/plan.ts'
import type { Refusal } from '#infra/simulator/refusal.ts'
import { anthropicStep } from '#infra/simulator/refusals.ts'
import type { AnswerStep, RawStep, StatusStep, Step } from '#infra/simulator/script.ts'
import type { Speech } from '#infra/simulator/wire.ts'

export const COMPLETE = { _tag: 'Complete' } as const

export const STREAM_HEADERS: HeaderList = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['cache-control', 'no-cache'],
]

export const stepPlan = (step: Exclude<Step, AnswerStep>, speech: Speech): Plan => {
  switch (step._tag) {
    case 'Status':
      return statusPlan(step, speech)
    case 'Raw':
      return rawPlan(step, speech)
    case 'RefuseConnections':
      return { status: 0, headers: [], headersAtMs: undefined, pieces: [], ending: step }
  }
}

export const refusalPlan = (refusal: Refusal | StatusStep, speech: Speech): Plan =>
  sentPlan(refusal._tag === 'Status' ? refusal : speech.refuse(refusal), speech)

/** A step of a script or a world: what it means is said in the words of the wire. */
export const statusPlan = (step: StatusStep, speech: Speech): Plan => {
  if (step.refusal === undefined || speech.refuse === anthropicStep) return sentPlan(step, speech)
  const said = speech.refuse(step.refusal)
  const headers = { ...said.headers, ...changedHeaders(step, step.refusal) }
  return sentPlan({ ...said, headers, ...(step.afterMs === undefined ? {} : { afterMs: step.afterMs }) }, speech)
}

/** Headers that a script put on a ready refusal; those it came with belong to the Anthropic wire. */
const changedHeaders = (step: StatusStep, refusal: Refusal): { readonly [name: string]: string } => {
  const usual = anthropicStep(refusal).headers ?? {}
  return Object.fromEntries(Object.entries(step.headers ?? {}).filter(([name, value]) => usual[name] !== value))
}

const sentPlan = (step: StatusStep, speech: Speech): Plan => {
  if (typeof step.body === 'string') {
    return bodyPlan(step.status, withHeaders([], step.headers), step.body, step.afterMs)
  }
  const retryAfterSeconds = Number(step.headers?.['retry-after'] ?? 0)
  const usual = speech.headers(step.exhausted === undefined ? undefined : { limit: step.exhausted, retryAfterSeconds })
  const headers = withHeaders([['content-type', speech.jsonType], ...usual], step.headers)
  return bodyPlan(step.status, headers, JSON.stringify(speech.errorBody(step.body)), step.afterMs)
}

export const jsonPlan = (body: object, speech: Speech): Plan =>
  bodyPlan(200, [['content-type', speech.jsonType], ...speech.headers()], JSON.stringify(body))

export const emptyPlan: Plan = {
  status: 200,
  headers: [['content-length', '0']],
  headersAtMs: 0,
  pieces: [],
  ending: COMPLETE,
}

const rawPlan = (step: RawStep, speech: Speech): Plan => {
  const { pace = {} } = step
  const headersAtMs = pace.headersMs ?? 0
  return finishPlan(
    {
      status: step.status ?? 200,
      headers: step.headers ?? [...STREAM_HEADERS, ...speech.headers()],
      headersAtMs,
      pieces: [{ atMs: headersAtMs, bytes: Buffer.from(step.bytes) }],
      ending: COMPLETE,
    },
    step.fault,
    pace,
    speech,
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

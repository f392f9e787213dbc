/**
 * Decides how one simulated provider answers a request: key, shape and model are checked first, then the script, then
 * the world, then the limits; what remains is answered by the story or in plain words. No I/O: a request in, a plan out.
 */
import type { HeaderList } from '#actors/ports.ts'
import { composeMessage, plainText } from '#infra/simulator/compose.ts'
import { messageObject } from '#infra/simulator/content.ts'
import { letters, seedOf } from '#infra/simulator/draws.ts'
import { makeModelList } from '#infra/simulator/model-list.ts'
import { finishPlan, type Plan } from '#infra/simulator/plan.ts'
import { makePromptCache, wholePromptTokens } from '#infra/simulator/prompt-cache.ts'
import { generousLimits, type Limits, makeRateLimits } from '#infra/simulator/rate-limits.ts'
import * as refusals from '#infra/simulator/refusals.ts'
import {
  COMPLETE,
  emptyPlan,
  jsonPlan,
  type ReplyTo,
  STREAM_HEADERS,
  statusPlan,
  stepPlan,
} from '#infra/simulator/replies.ts'
import { type MessagesBody, parseBody } from '#infra/simulator/request-body.ts'
import {
  type AnswerStep,
  answer,
  makeScriptPlayer,
  type Script,
  type StatusStep,
  type Step,
} from '#infra/simulator/script.ts'
import { type Story, turnFor } from '#infra/simulator/story.ts'
import { streamEvents } from '#infra/simulator/stream-events.ts'
import { verdict, type World } from '#infra/simulator/world.ts'

export interface EngineOptions {
  /** The provider's name: in its texts, ids and draws. */
  readonly id: string
  /** Default 1. Two providers with one seed still differ, by their names. */
  readonly seed?: number
  readonly script?: Script
  readonly world?: World
  readonly story?: Story
  /** Keys that are accepted, as `x-api-key` or bearer; none given = every request is. */
  readonly apiKeys?: readonly string[]
  /** Names that are served; none given = every name that begins with `claude-`. */
  readonly models?: readonly string[]
  readonly limits?: Limits
  /** Larger prompts get the 400 that they are too long; default 1,000,000. */
  readonly maxInputTokens?: number
  /** Larger bodies get 413; default 32 MB. */
  readonly maxBodyBytes?: number
}

export interface EngineRequest {
  readonly method: string
  /** With query. */
  readonly path: string
  readonly headers: HeaderList
  readonly body: Uint8Array
  readonly requestId: string
  /** Epoch ms. */
  readonly at: number
}

export interface Engine {
  readonly respond: (request: EngineRequest) => Plan
  readonly script: (script: Script) => void
  /** Script entries that are not used up. */
  readonly scriptLeft: () => number
  readonly tell: (story: Story | undefined) => void
  /** From now on; its outages count from the first request after it. */
  readonly live: (world: World | undefined) => void
}

export const makeEngine = (options: EngineOptions): Engine => {
  const seed = (options.seed ?? 1) ^ seedOf(options.id)
  const organization = `00000000-0000-4000-8000-${(seed >>> 0).toString(16).padStart(12, '0')}`
  const workspace = `wrkspc_01${letters(22, seed, 1)}`
  const script = makeScriptPlayer(options.script ?? [])
  const models = makeModelList(options.models)
  const limits = makeRateLimits(options.limits ?? generousLimits)
  const cache = makePromptCache()
  const maxInputTokens = options.maxInputTokens ?? 1_000_000
  const countByPath = new Map<string, number>()
  let { story, world } = options
  let worldFrom: number | undefined
  let worldRequests = 0

  const usualHeaders = (request: EngineRequest): HeaderList => [
    ['request-id', request.requestId],
    ['anthropic-organization-id', organization],
    ['anthropic-workspace-id', workspace],
    ...limits.headers(request.at),
  ]

  const respond = (request: EngineRequest): Plan => {
    const [path = '/', query] = request.path.split('?', 2)
    if (request.method === 'HEAD' && path === '/api/hello') return emptyPlan
    const to: ReplyTo = { requestId: request.requestId, at: request.at, usual: usualHeaders(request) }
    const refused = gate(request)
    if (refused !== undefined) return statusPlan(refused, to)

    const posting = request.method === 'POST'
    const calling = posting && path === '/v1/messages'
    const counting = posting && path === '/v1/messages/count_tokens'
    let body: MessagesBody | undefined
    if (calling || counting) {
      const parsed = parseBody(request.body, { counting, version: headerOf(request.headers, 'anthropic-version') })
      if (parsed._tag === 'Invalid') return statusPlan(refusals.invalidRequest(parsed.message), to)
      if (!models.serves(parsed.body.model)) return statusPlan(refusals.unknownModel(parsed.body.model), to)
      body = parsed.body
    }
    const nth = (countByPath.get(path) ?? 0) + 1
    countByPath.set(path, nth)
    const { method, headers } = request
    const facts = { method, path, nth, headers, model: body?.model, stream: body?.stream === true }
    const scripted = script.next({ ...facts, body: request.body })
    if (calling && body !== undefined) return call(body, request, to, scripted)
    if (scripted !== undefined && scripted._tag !== 'Answer') return stepPlan(scripted, to)
    if (counting && body !== undefined) return jsonPlan({ input_tokens: wholePromptTokens(body) }, to)
    if (method === 'GET' && path === '/v1/models') return jsonPlan(models.page(new URLSearchParams(query)), to)
    if (method === 'GET' && path.startsWith('/v1/models/')) {
      const id = path.slice('/v1/models/'.length).replaceAll('%2F', '/')
      return models.serves(id) ? jsonPlan(models.one(id), to) : statusPlan(refusals.unknownModel(id), to)
    }
    return statusPlan(refusals.notFound('Not Found'), to)
  }

  /** Size and key, before anything is read of the body. */
  const gate = (request: EngineRequest): StatusStep | undefined => {
    if (request.body.length > (options.maxBodyBytes ?? 32 * 1_024 * 1_024)) return refusals.bodyTooLarge()
    if (options.apiKeys === undefined) return undefined
    const key = headerOf(request.headers, 'x-api-key')
    const bearer = /^Bearer (.+)$/i.exec(headerOf(request.headers, 'authorization') ?? '')?.[1]
    if (key === undefined && bearer === undefined) return refusals.badKey('x-api-key header is required')
    if (key !== undefined) return options.apiKeys.includes(key) ? undefined : refusals.badKey()
    return options.apiKeys.includes(bearer ?? '') ? undefined : refusals.badKey('Invalid bearer token')
  }

  const call = (body: MessagesBody, request: EngineRequest, to: ReplyTo, scripted: Step | undefined): Plan => {
    let step: Step = scripted ?? answer()
    let answerTokens: number | undefined
    if (scripted === undefined && world !== undefined) {
      worldFrom ??= request.at
      worldRequests++
      const what = verdict(world, seed, worldRequests, request.at - worldFrom)
      step = what.step
      answerTokens = what.answerTokens
    }
    return step._tag === 'Answer' ? answerPlan(step, body, request, to, answerTokens) : stepPlan(step, to)
  }

  const answerPlan = (
    step: AnswerStep,
    body: MessagesBody,
    request: EngineRequest,
    to: ReplyTo,
    answerTokens: number | undefined,
  ): Plan => {
    const { usage: prompt, commit } = cache.quote(body, request.at)
    const promptTokens = wholeOf(prompt)
    if (promptTokens > maxInputTokens) return statusPlan(refusals.promptTooLong(promptTokens, maxInputTokens), to)
    const { fault, pace = {} } = step
    if (fault?._tag === 'ErrorEvent' && body.stream !== true) {
      return statusPlan(refusals.refusalOfType(fault.type, fault.message), to)
    }
    // Cache reads do not count to the input limit.
    const exceeded = limits.admit(promptTokens - prompt.cacheReadTokens, request.at)
    if (exceeded !== undefined) {
      const perMinute = LIMIT_OF[exceeded.limit](limits.limits)
      return statusPlan(refusals.rateLimited({ ...exceeded, perMinute, organization }), to)
    }
    commit()

    const message = composeMessage(step, {
      blocks:
        step.blocks ??
        (story === undefined ? undefined : turnFor(story, request, body, options.id)) ??
        plainText(options.id, body, answerTokens),
      body,
      prompt,
      seed,
      requestId: request.requestId,
    })
    limits.spendOutput(message.outputTokens, request.at)
    const firstTokenMs = pace.firstTokenMs ?? 0
    const due = (tokens: number): number =>
      Math.round(firstTokenMs + (pace.tokensPerSecond === undefined ? 0 : (tokens / pace.tokensPerSecond) * 1_000))
    if (body.stream !== true) {
      const bytes = Buffer.from(JSON.stringify(messageObject(message)))
      const atMs = due(message.outputTokens)
      const headers = [...jsonHeaders(bytes), ...usualHeaders(request)]
      const plan = { status: 200, headers, headersAtMs: atMs, pieces: [{ atMs, bytes }], ending: COMPLETE }
      return finishPlan(plan, fault, pace)
    }
    const headersAtMs = pace.headersMs ?? firstTokenMs
    const events = streamEvents(message, { charactersPerDelta: pace.charactersPerDelta ?? 12 })
    const pieces = events.map(({ bytes, tokens }, index) => ({ atMs: index === 0 ? headersAtMs : due(tokens), bytes }))
    const headers = [...STREAM_HEADERS, ...usualHeaders(request)]
    return finishPlan({ status: 200, headers, headersAtMs, pieces, ending: COMPLETE }, fault, pace)
  }

  return {
    respond,
    script: script.add,
    scriptLeft: script.left,
    tell: (next) => {
      story = next
    },
    live: (next) => {
      world = next
      worldFrom = undefined
      worldRequests = 0
    },
  }
}

const LIMIT_OF = {
  requests: (limits: Limits) => limits.requestsPerMinute,
  'input-tokens': (limits: Limits) => limits.inputTokensPerMinute,
  'output-tokens': (limits: Limits) => limits.outputTokensPerMinute,
}

const jsonHeaders = (bytes: Uint8Array): HeaderList => [
  ['content-type', 'application/json'],
  ['content-length', String(bytes.length)],
]

const headerOf = (headers: HeaderList, name: string): string | undefined =>
  headers.find(([key]) => key.toLowerCase() === name)?.[1]

const wholeOf = (prompt: {
  readonly inputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
}): number => prompt.inputTokens + prompt.cacheReadTokens + prompt.cacheWrite5mTokens + prompt.cacheWrite1hTokens

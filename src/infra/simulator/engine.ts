/**
 * Decides how one simulated provider answers a request: its wire checks key, shape and model first, then the script is asked,
 * then the world, then the limits; what remains is answered by the story or in plain words. No I/O: a request in, a plan out.
 */
import type { HeaderList } from '#actors/ports.ts'
import { organizationOf } from '#infra/simulator/anthropic/account.ts'
import { composeMessage, plainText } from '#infra/simulator/compose.ts'
import { seedOf } from '#infra/simulator/draws.ts'
import type { EngineOptions } from '#infra/simulator/engine-options.ts'
import { finishPlan, type Plan } from '#infra/simulator/plan.ts'
import { makePromptCache, wholePromptTokens } from '#infra/simulator/prompt-cache.ts'
import { generousLimits, type Limits, makeRateLimits } from '#infra/simulator/rate-limits.ts'
import { refusalNamed } from '#infra/simulator/refusal.ts'
import { COMPLETE, emptyPlan, jsonPlan, refusalPlan, STREAM_HEADERS, stepPlan } from '#infra/simulator/replies.ts'
import { type AnswerStep, answer, makeScriptPlayer, type Script, type Step } from '#infra/simulator/script.ts'
import { type Story, turnFor } from '#infra/simulator/story.ts'
import type { Ask, EngineRequest, Speech } from '#infra/simulator/wire.ts'
import { makeWire } from '#infra/simulator/wires.ts'
import { verdict, type World } from '#infra/simulator/world.ts'

export interface Engine {
  readonly respond: (request: EngineRequest) => Plan
  readonly script: (script: Script) => void
  /** Script entries that are not used up. */
  readonly scriptLeft: () => number
  readonly tell: (story: Story | undefined) => void
  /** From now on; its outages count from the first request after it. */
  readonly live: (world: World | undefined) => void
}

type Call = Extract<Ask, { _tag: 'Call' }>

export const makeEngine = (options: EngineOptions): Engine => {
  const seed = (options.seed ?? 1) ^ seedOf(options.id)
  const script = makeScriptPlayer(options.script ?? [])
  const limits = makeRateLimits(options.limits ?? generousLimits)
  const wire = makeWire({ options, seed, limits })
  const cache = makePromptCache()
  const countByPath = new Map<string, number>()
  let { story, world } = options
  let worldFrom: number | undefined
  let worldRequests = 0

  const respond = (request: EngineRequest): Plan => {
    const { ask, speech } = wire(request)
    if (ask._tag === 'Hello') return emptyPlan
    if (ask._tag === 'Refused') return refusalPlan(ask.refusal, speech)
    const scripted = scriptedStep(ask, request)
    if (ask._tag === 'Call') return call(ask, request, speech, scripted)
    if (scripted !== undefined && scripted._tag !== 'Answer') return stepPlan(scripted, speech)
    switch (ask._tag) {
      case 'Count':
        return jsonPlan({ input_tokens: wholePromptTokens(ask.body) }, speech)
      case 'Data':
        return jsonPlan(ask.body, speech)
      case 'Missing':
        return refusalPlan(ask.refusal, speech)
    }
  }

  const scriptedStep = (ask: Ask, request: EngineRequest): Step | undefined => {
    const [path = '/'] = request.path.split('?', 1)
    const calls = ask._tag === 'Call'
    const body = 'body' in ask && ask._tag !== 'Data' ? ask.body : undefined
    // A wire may have a path per model; its calls are counted together.
    const counted = calls ? '' : path
    const nth = (countByPath.get(counted) ?? 0) + 1
    countByPath.set(counted, nth)
    const { method, headers } = request
    const facts = { method, path, calls, nth, headers, model: body?.model, stream: body?.stream === true }
    return script.next({ ...facts, body: request.body })
  }

  const call = (ask: Call, request: EngineRequest, speech: Speech, scripted: Step | undefined): Plan => {
    let step: Step = scripted ?? answer()
    let answerTokens: number | undefined
    if (scripted === undefined && world !== undefined) {
      worldFrom ??= request.at
      worldRequests++
      const what = verdict(world, seed, worldRequests, request.at - worldFrom)
      step = what.step
      answerTokens = what.answerTokens
    }
    return step._tag === 'Answer' ? answerPlan(step, ask, request, speech, answerTokens) : stepPlan(step, speech)
  }

  const answerPlan = (
    step: AnswerStep,
    { body, maxInputTokens }: Call,
    request: EngineRequest,
    speech: Speech,
    answerTokens: number | undefined,
  ): Plan => {
    const { usage: prompt, commit } = cache.quote(body, request.at)
    const promptTokens = wholeOf(prompt)
    if (promptTokens > maxInputTokens) {
      return refusalPlan({ _tag: 'PromptTooLong', tokens: promptTokens, maximum: maxInputTokens }, speech)
    }
    const { fault, pace = {} } = step
    if (fault?._tag === 'ErrorEvent' && body.stream !== true) {
      return refusalPlan(refusalNamed(fault.type, fault.message), speech)
    }
    // Cache reads do not count to the input limit.
    const exceeded = limits.admit(promptTokens - prompt.cacheReadTokens, request.at)
    if (exceeded !== undefined) {
      const perMinute = LIMIT_OF[exceeded.limit](limits.limits)
      const refusal = { _tag: 'RateLimited', ...exceeded, perMinute, organization: organizationOf(seed) } as const
      return refusalPlan(refusal, speech)
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
      ids: speech.ids,
    })
    limits.spendOutput(message.outputTokens, request.at)
    const firstTokenMs = pace.firstTokenMs ?? 0
    const due = (tokens: number): number =>
      Math.round(firstTokenMs + (pace.tokensPerSecond === undefined ? 0 : (tokens / pace.tokensPerSecond) * 1_000))
    if (body.stream !== true) {
      const bytes = Buffer.from(JSON.stringify(speech.json(message)))
      const atMs = due(message.outputTokens)
      const headers = [...jsonHeaders(speech.jsonType, bytes), ...speech.headers()]
      const plan = { status: 200, headers, headersAtMs: atMs, pieces: [{ atMs, bytes }], ending: COMPLETE }
      return finishPlan(plan, fault, pace, speech)
    }
    const headersAtMs = pace.headersMs ?? firstTokenMs
    const events = speech.events(message, { charactersPerDelta: pace.charactersPerDelta ?? 12 })
    const pieces = events.map(({ bytes, tokens }, index) => ({ atMs: index === 0 ? headersAtMs : due(tokens), bytes }))
    const headers = [...STREAM_HEADERS, ...speech.headers()]
    return finishPlan({ status: 200, headers, headersAtMs, pieces, ending: COMPLETE }, fault, pace, speech)
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

const jsonHeaders = (type: string, bytes: Uint8Array): HeaderList => [
  ['content-type', type],
  ['content-length', String(bytes.length)],
]

const wholeOf = (prompt: {
  readonly inputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
}): number => prompt.inputTokens + prompt.cacheReadTokens + prompt.cacheWrite5mTokens + prompt.cacheWrite1hTokens

/**
 * `--live`: real calls, as small as they can be, straight at the provider. They go beside cascade and ledger, so the log
 * learns nothing of them and no machine moves.
 */
import { Effect, Result } from 'effect'
import type { HeaderList, Upstream } from '#actors/ports.ts'
import { sideCall } from '#actors/side-call.ts'
import { failure } from '#cli/doctor/advice.ts'
import { type Finding, limited, skipped } from '#cli/doctor/finding.ts'
import { liveRequest } from '#cli/doctor/live-request.ts'
import { streamedCall } from '#cli/doctor/streamed-call.ts'
import type { WantedModel } from '#cli/doctor/wanted-models.ts'
import { sameModel } from '#domain/claude-models.ts'
import { readMessage } from '#domain/dialect/anthropic-message.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { Usage } from '#domain/usage.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'

export interface LiveInput {
  readonly provider: ResolvedProvider
  readonly upstream: Upstream
  readonly wanted: readonly WantedModel[]
  /** Features that the log knows to be refused for a model. */
  readonly without: (model: string) => readonly string[]
  /** The client's credential, where the provider wants it. */
  readonly headers: HeaderList
}

/** The cheapest first. */
const PREFERENCE = ['haiku', 'sonnet', 'opus', 'fable'] as const

export const checkLive = (input: LiveInput): Effect.Effect<readonly Finding[]> =>
  Effect.gen(function* () {
    const { upstream } = input
    const model = cheapest(input.wanted)
    if (model?.model === undefined) {
      const why = "none of Claude Code's models goes there"
      return [skipped('stream', why), skipped('whole', why), skipped('count', why)]
    }
    const now = yield* Effect.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))
    const without = input.without(model.model)
    const prepared = (call: Parameters<typeof liveRequest>[0]) => liveRequest(call, model, without, input.headers)
    const asked = { provider: input.provider, model: model.model }
    const finding = <A>(
      check: 'stream' | 'whole' | 'count',
      call: Effect.Effect<A, FailureReason>,
      found: (answer: A) => Finding,
    ): Effect.Effect<Finding> =>
      Effect.map(Effect.result(limited(call)), (result) =>
        Result.isSuccess(result) ? found(result.success) : failure(check, result.failure, asked),
      )
    const whole = (call: 'whole' | 'count') =>
      Effect.mapError(sideCall(upstream, prepared(call).request, now), ({ reason }) => reason)

    const streamed = yield* finding('stream', streamedCall(upstream, prepared('stream').request, now), (answer) => {
      const { reading, shape, firstContentMs, durationMs } = answer
      return told('stream', model, {
        problem: shape.problems[0],
        toolCall: shape.toolCalls.length > 0,
        answeredAs: reading.model,
        usage: reading.usage,
        times: { firstContentMs: firstContentMs ?? null, durationMs },
      })
    })
    const startedAt = now()
    const answered = yield* finding('whole', whole('whole'), ({ body }) => {
      const message = readMessage(body)
      const isMessage = message._tag === 'Message'
      return told('whole', model, {
        problem: isMessage ? undefined : 'the answer is not a message',
        toolCall: hasToolCall(body),
        answeredAs: isMessage ? message.model : undefined,
        usage: isMessage ? message.usage : undefined,
        times: { durationMs: now() - startedAt },
      })
    })
    const estimate = prepared('count').estimatedTokens
    // What another model would count is not what Claude Code asks.
    const counted = !(upstream.counts && sameModel(model.asked, model.model))
      ? estimated(estimate)
      : yield* Effect.map(Effect.result(limited(whole('count'))), (result) =>
          Result.isSuccess(result)
            ? countFinding(countOf(result.success.body), estimate)
            : { ...failure('count', result.failure, asked), result: 'warning' as const },
        )
    return [streamed, answered, counted]
  })

const cheapest = (wanted: readonly WantedModel[]): WantedModel | undefined => {
  const mapped = PREFERENCE.flatMap((alias) => wanted.filter((one) => one.alias === alias && one.model !== undefined))
  return mapped.find(({ listed }) => listed !== false) ?? mapped[0]
}

interface Told {
  readonly problem: string | undefined
  readonly toolCall: boolean
  readonly answeredAs: string | undefined
  readonly usage: Usage | undefined
  readonly times: { readonly [name: string]: number | null }
}

const told = (check: 'stream' | 'whole', { asked, model }: WantedModel, answer: Told): Finding => {
  const { problem, toolCall, answeredAs, usage, times } = answer
  const inputTokens =
    usage === undefined
      ? null
      : usage.inputTokens + usage.cacheReadTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  const outputTokens = usage?.outputTokens ?? null
  const { firstContentMs, durationMs } = times
  const found = [
    `${model}${answeredAs === undefined || answeredAs === model || answeredAs === asked ? '' : `, which answers as ${answeredAs}`}`,
    ...(firstContentMs === undefined || firstContentMs === null ? [] : [`first content ${firstContentMs} ms`]),
    `${durationMs} ms in all`,
    `${inputTokens ?? '?'} tokens in, ${outputTokens ?? '?'} out`,
    toolCall ? 'the tool was called' : 'no tool call',
  ].join(', ')
  const details = {
    asked,
    model: model ?? null,
    answeredAs: answeredAs ?? null,
    inputTokens,
    outputTokens,
    toolCall,
    ...times,
  }
  if (problem !== undefined) {
    return {
      check,
      result: 'failed',
      found: problem,
      advice: 'Claude Code cannot work with such an answer: check kind and preset, or tell the provider.',
      details: { ...details, problem },
    }
  }
  return toolCall
    ? { check, result: 'ok', found, details }
    : {
        check,
        result: 'warning',
        found,
        advice: 'Claude Code lives on tool calls: if this stays so, map its models to one that calls tools.',
        details,
      }
}

type Json = { readonly [key: string]: unknown }

const parsed = (body: Uint8Array): Json => {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof value === 'object' && value !== null ? (value as Json) : {}
  } catch {
    // Told as an answer that is none.
    return {}
  }
}

const hasToolCall = (body: Uint8Array): boolean => {
  const { content } = parsed(body)
  return (
    Array.isArray(content) &&
    content.some((block: Json) => block.type === 'tool_use' && typeof block.input === 'object' && block.input !== null)
  )
}

const countOf = (body: Uint8Array): number => Number(parsed(body).input_tokens)

const estimated = (tokens: number): Finding => ({
  check: 'count',
  result: 'ok',
  found: `it counts no tokens; Signalbox estimates (${tokens} here)`,
  details: { by: 'estimate', tokens },
})

const countFinding = (tokens: number, estimate: number): Finding =>
  tokens > 0
    ? { check: 'count', result: 'ok', found: `${tokens} tokens by its own count`, details: { by: 'provider', tokens } }
    : {
        check: 'count',
        result: 'warning',
        found: `its count is no number above zero; Signalbox estimates (${estimate} here)`,
        advice: 'Nothing needs to be done; context sizes are less exact.',
        details: { by: 'estimate', tokens: estimate },
      }

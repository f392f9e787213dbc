/**
 * What a Claude refuses by its generation: kinds of thinking, forced tools, system messages, prefill (facts of the errors
 * page of platform.claude.com, September 2026).
 */
import type { MessagesBody } from '#infra/simulator/request-body.ts'

export interface Generation {
  readonly line: string
  /** 4.7 as 407, so that versions compare. */
  readonly version: number
}

/** Of `claude-opus-5-5`, `claude-haiku-4-5-20251001`, `anthropic/claude-opus-5.5`; undefined for other names. */
export const generationOf = (model: string): Generation | undefined => {
  const [, line, major, minor = '0'] =
    /claude-(opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?:[-.](\d{1,2}))?(?:[-@].*)?$/.exec(model) ?? []
  return line === undefined ? undefined : { line, version: Number(major) * 100 + Number(minor) }
}

export function* checkGeneration(body: MessagesBody): Generator<string | undefined> {
  const generation = generationOf(body.model)
  if (generation === undefined) return
  yield checkThinkingType(body, generation)
  yield checkBudget(body)
  const choice = (body.tool_choice as { readonly type?: unknown } | undefined)?.type
  if (refusesForcedTools(generation) && (choice === 'any' || choice === 'tool')) {
    yield 'tool_choice: type "tool" and "any" are not supported for this model.'
  }
  const { line, version } = generation
  if (version < 407 && line !== 'fable' && body.messages.some(({ role }) => role === 'system')) {
    yield "role 'system' is not supported on this model"
  }
  if (version >= 406 && body.messages.at(-1)?.role === 'assistant') {
    yield 'This model does not support assistant message prefill. The conversation must end with a user message.'
  }
}

const checkThinkingType = (body: MessagesBody, { line, version }: Generation): string | undefined => {
  switch (body.thinking?.type) {
    case 'enabled':
      return version >= 407
        ? '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        : undefined
    case 'adaptive':
      return version <= 405 ? 'adaptive thinking is not supported on this model' : undefined
    case 'disabled': {
      const always = line === 'mythos' || (line === 'fable' && version <= 501) || (line === 'opus' && version === 505)
      return always
        ? '"thinking.type.disabled" is not supported for this model. Use "output_config.effort" to control thinking behavior.'
        : undefined
    }
    default:
      return undefined
  }
}

const checkBudget = (body: MessagesBody): string | undefined => {
  if (body.thinking?.type !== 'enabled') return undefined
  const { budget_tokens } = body.thinking
  if (budget_tokens === undefined) return 'thinking.enabled.budget_tokens: Field required'
  if (budget_tokens < 1_024) {
    return 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024'
  }
  return body.max_tokens !== undefined && budget_tokens >= body.max_tokens
    ? '`max_tokens` must be greater than `thinking.budget_tokens`.'
    : undefined
}

const refusesForcedTools = ({ line, version }: Generation): boolean =>
  (line === 'opus' && version === 505) || ((line === 'fable' || line === 'mythos') && version === 501)

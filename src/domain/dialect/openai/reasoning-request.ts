/** `thinking` and `output_config.effort` → how the server is asked to reason. */
import { isObject, type Json } from '#domain/dialect/openai/client-block.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

/** The members to add to the body; `dropped` are the client's fields that found no place. */
export const reasoningFields = (body: Json, quirks: OpenAiQuirks): { fields: Json; dropped: readonly string[] } => {
  const wish = reasoningWish(body)
  const effort = wish.effort === undefined ? undefined : nearestEffort(wish.effort, quirks.efforts)
  const given = [
    ...(isObject(body.thinking) ? ['thinking'] : []),
    ...(isObject(body.output_config) && body.output_config.effort !== undefined ? ['output_config.effort'] : []),
  ]
  switch (quirks.reasoning) {
    case 'none':
      return { fields: {}, dropped: given }
    case 'reasoning_effort':
      if (wish.thinking === 'off') {
        // A server that lists no such effort cannot be told not to think.
        const isKnown = quirks.efforts?.includes('none') === true
        return { fields: isKnown ? { reasoning_effort: 'none' } : {}, dropped: isKnown ? [] : ['thinking'] }
      }
      return { fields: effort === undefined ? {} : { reasoning_effort: effort }, dropped: [] }
    case 'openrouter':
      if (wish.thinking === 'off') return { fields: { reasoning: { enabled: false } }, dropped: [] }
      if (effort !== undefined) return { fields: { reasoning: { effort } }, dropped: [] }
      return { fields: wish.thinking === 'on' ? { reasoning: { enabled: true } } : {}, dropped: [] }
    case 'thinking':
      // Said in both cases: where the client's silence means no thinking, these servers think by default.
      return {
        fields: { thinking: { type: wish.thinking === 'on' ? 'enabled' : 'disabled' } },
        dropped: given.filter((name) => name !== 'thinking'),
      }
    case 'enable_thinking':
      return {
        fields: { chat_template_kwargs: { enable_thinking: wish.thinking === 'on' } },
        dropped: given.filter((name) => name !== 'thinking'),
      }
  }
}

interface Wish {
  readonly thinking: 'on' | 'off' | 'unsaid'
  readonly effort: string | undefined
}

/** An effort in a message counts from there on, so the last one said is the one in force. */
const reasoningWish = (body: Json): Wish => {
  const messages: readonly unknown[] = Array.isArray(body.messages) ? body.messages : []
  const said = [body, ...messages]
    .map((one) => (isObject(one) && isObject(one.output_config) ? one.output_config.effort : undefined))
    .findLast((effort) => typeof effort === 'string')
  const thinking = isObject(body.thinking) ? body.thinking : undefined
  if (thinking === undefined) return { thinking: 'unsaid', effort: said }
  if (thinking.type === 'disabled') return { thinking: 'off', effort: undefined }
  const budget = thinking.budget_tokens
  return { thinking: 'on', effort: said ?? (typeof budget === 'number' ? budgetEffort(budget) : undefined) }
}

const budgetEffort = (tokens: number): string => (tokens < 4_000 ? 'low' : tokens < 16_000 ? 'medium' : 'high')

const ASCENDING = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']
/** What every model with efforts has known. */
const COMMON = ['low', 'medium', 'high']

/** The highest listed effort that is not above the wish, else the lowest one that still thinks. */
const nearestEffort = (wish: string, listed: readonly string[] = COMMON): string | undefined => {
  if (listed.includes(wish)) return wish
  const level = ASCENDING.indexOf(wish)
  if (level === -1) return undefined
  const thinking = listed.filter((effort) => effort !== 'none')
  return thinking.findLast((effort) => ASCENDING.indexOf(effort) <= level) ?? thinking[0]
}

/**
 * What every chat wire makes of a model call and of its bearer key.
 */
import { type ChatRules, parseChat } from '#infra/simulator/openai/check-request.ts'
import { type Caching, toPrompt } from '#infra/simulator/openai/to-prompt.ts'
import type { Refusal } from '#infra/simulator/refusal.ts'
import { type Ask, bearerOf, type EngineRequest } from '#infra/simulator/wire.ts'

/** A chat request that is in order, or what is wrong with it. */
export const chatCall = (
  request: EngineRequest,
  rules: ChatRules,
  serves: (model: string) => boolean,
  maxInputTokens: number,
  caching: Caching = 'automatic',
): Ask => {
  const parsed = parseChat(request.body, rules)
  if (parsed._tag === 'Invalid') {
    return { _tag: 'Refused', refusal: { _tag: 'InvalidRequest', ...parsed.complaint } }
  }
  const { body } = parsed
  return serves(body.model)
    ? { _tag: 'Call', body: toPrompt(body, caching), maxInputTokens }
    : { _tag: 'Refused', refusal: { _tag: 'UnknownModel', model: body.model } }
}

/** The refusal of a bearer key that is missing or wrong; nothing when every request is taken. */
export const badBearer = (request: EngineRequest, apiKeys: readonly string[] | undefined): Refusal | undefined => {
  if (apiKeys === undefined) return undefined
  const key = bearerOf(request.headers)
  if (key === undefined) return { _tag: 'BadKey', message: "You didn't provide an API key." }
  return apiKeys.includes(key) ? undefined : { _tag: 'BadKey' }
}

/**
 * OpenRouter: the Anthropic and the chat skin over one list of models with prices, and an account that is charged.
 */
import { parseClaudeBody } from '#infra/simulator/anthropic/claude-body.ts'
import type { Message } from '#infra/simulator/content.ts'
import type { EngineOptions } from '#infra/simulator/engine-options.ts'
import { badBearer, chatCall } from '#infra/simulator/openai/chat-call.ts'
import type { ChatRules } from '#infra/simulator/openai/check-request.ts'
import { peek } from '#infra/simulator/openai/peek.ts'
import { chatSkinSpeech } from '#infra/simulator/openrouter/chat.ts'
import { messagesSpeech } from '#infra/simulator/openrouter/messages.ts'
import { costOf, modelsObject, PRICED_MODELS } from '#infra/simulator/openrouter/prices.ts'
import {
  type Ask,
  DEFAULT_MAX_INPUT_TOKENS,
  type EngineRequest,
  headerOf,
  type Speech,
  tooLarge,
  type Wire,
  type WireContext,
} from '#infra/simulator/wire.ts'

/** What the account has spent so far, in USD. */
interface Account {
  spent: number
}

export const openRouterWire = (context: WireContext): Wire => {
  const account: Account = { spent: 0 }
  return (request) => ({
    ask: ask(context.options, request, account),
    speech: speechFor(context, request, account),
  })
}

const MESSAGES = '/api/v1/messages'
const CHAT = '/api/v1/chat/completions'
/** Parameters that a model does not know are ignored; reasoning and cache marks may be sent back. */
const CHAT_RULES: ChatRules = {
  accepts: ['messages.reasoning', 'messages.reasoning_details', 'messages.cache_control'],
  anyField: true,
  sloppy: {},
}

const ask = (options: EngineOptions, request: EngineRequest, account: Account): Ask => {
  const [path = '/'] = request.path.split('?', 1)
  if (request.method === 'GET' && path === '/api/v1/models') {
    return { _tag: 'Data', body: modelsObject(options.models) }
  }
  const refused = tooLarge(request, options) ? ({ _tag: 'BodyTooLarge' } as const) : badBearer(request, options.apiKeys)
  if (refused !== undefined) {
    return { _tag: 'Refused', refusal: refused._tag === 'BadKey' ? { _tag: 'BadKey' } : refused }
  }
  if (request.method === 'GET' && path === '/api/v1/key') {
    return { _tag: 'Data', body: keyObject(options.creditUsd ?? null, account.spent) }
  }
  const calls = request.method === 'POST' && (path === MESSAGES || path === CHAT)
  if (!calls) return { _tag: 'Missing', refusal: { _tag: 'NotFound', message: 'Not Found' } }
  if (options.creditUsd !== undefined && account.spent >= options.creditUsd) {
    return { _tag: 'Refused', refusal: { _tag: 'Billing' } }
  }
  const serves = (model: string): boolean =>
    options.models?.includes(model) ?? PRICED_MODELS.some(({ id }) => id === model)
  const maxInputTokens = options.maxInputTokens ?? DEFAULT_MAX_INPUT_TOKENS
  if (path === CHAT) {
    return chatCall(request, { ...CHAT_RULES, sloppy: options.sloppy ?? {} }, serves, maxInputTokens, 'asked')
  }
  const version = headerOf(request.headers, 'anthropic-version')
  const parsed = parseClaudeBody(request, options, { counting: false, version })
  if (parsed._tag === 'Invalid') {
    return { _tag: 'Refused', refusal: { _tag: 'InvalidRequest', message: parsed.message } }
  }
  const { body } = parsed
  return serves(body.model)
    ? { _tag: 'Call', body, maxInputTokens }
    : { _tag: 'Refused', refusal: { _tag: 'UnknownModel', model: body.model } }
}

const speechFor = ({ options }: WireContext, request: EngineRequest, account: Account): Speech => {
  const [path = '/'] = request.path.split('?', 1)
  const created = Math.floor(request.at / 1_000)
  const generationId = `gen-${created}-${request.requestId.slice(-20)}`
  const { model, streams } = peek(request.body)
  const inference = path === MESSAGES || path === CHAT
  const headers: Speech['headers'] = (exhausted) => [
    ...(inference ? ([['x-generation-id', generationId]] as const) : []),
    // The only rate-limit header that is told is the one of a refusal; its time is in milliseconds.
    ...(exhausted === undefined
      ? []
      : ([['x-ratelimit-reset', String(request.at + exhausted.retryAfterSeconds * 1_000)]] as const)),
  ]
  /** Members of `usage` that tell what the answer costs; the account is charged. */
  const charge = (message: Message): object => {
    const cost = costOf(message.model, message.prompt, message.outputTokens)
    account.spent += cost.total
    return {
      cost: cost.total,
      is_byok: false,
      cost_details: {
        upstream_inference_cost: null,
        upstream_inference_prompt_cost: cost.prompt,
        upstream_inference_completions_cost: cost.completion,
      },
    }
  }
  return path.startsWith(MESSAGES)
    ? messagesSpeech({ generationId, model, headers, charge, trailingDone: options.trailingDone === true })
    : chatSkinSpeech({ generationId, model, streams, created, sloppy: options.sloppy ?? {}, headers, charge })
}

const keyObject = (limit: number | null, spent: number): object => ({
  data: {
    label: 'sk-or-v1-sim...ulated',
    limit,
    limit_reset: null,
    limit_remaining: limit === null ? null : Math.max(0, limit - spent),
    include_byok_in_limit: false,
    usage: spent,
    usage_daily: spent,
    usage_weekly: spent,
    usage_monthly: spent,
    byok_usage: 0,
    byok_usage_daily: 0,
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
    is_free_tier: false,
    is_management_key: false,
    free_model_daily_requests: { limit: 1_000, used: 0, remaining: 1_000 },
    rate_limit: { requests: -1, interval: '10s', note: 'deprecated' },
    expires_at: null,
  },
})

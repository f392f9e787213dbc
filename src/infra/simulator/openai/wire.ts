/**
 * The OpenAI wire: chat completions and the model list behind a bearer key, as strict as OpenAI itself, or as sloppy as the
 * servers that imitate it.
 */

import { badBearer, chatCall } from '#infra/simulator/openai/chat-call.ts'
import { chatSpeech } from '#infra/simulator/openai/chat-speech.ts'
import { openAiStyle } from '#infra/simulator/openai/chat-style.ts'
import type { ChatRules } from '#infra/simulator/openai/check-request.ts'
import { peek } from '#infra/simulator/openai/peek.ts'
import { openAiRateHeaders } from '#infra/simulator/openai/rate-headers.ts'
import { openAiStep } from '#infra/simulator/openai/refusals.ts'
import {
  type Ask,
  DEFAULT_MAX_INPUT_TOKENS,
  type EngineRequest,
  type Speech,
  tooLarge,
  type Wire,
  type WireContext,
} from '#infra/simulator/wire.ts'

/** What is listed, and served without a list of its own: every name of these families. */
const DEFAULT_MODELS = ['gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.5', 'gpt-4.1', 'gpt-4o', 'o4-mini']
const FAMILIES = /^(gpt-|o\d)/

export const openAiWire = (context: WireContext): Wire => {
  const { options } = context
  const prefix = options.prefix ?? '/v1'
  const rules: ChatRules = { accepts: options.accepts ?? [], sloppy: options.sloppy ?? {} }

  const ask = (request: EngineRequest): Ask => {
    const [path = '/'] = request.path.split('?', 1)
    const refused = tooLarge(request, options)
      ? ({ _tag: 'BodyTooLarge' } as const)
      : badBearer(request, options.apiKeys)
    if (refused !== undefined) return { _tag: 'Refused', refusal: refused }
    if (request.method === 'POST' && path === `${prefix}/chat/completions`) {
      const serves = (model: string): boolean =>
        options.models === undefined ? FAMILIES.test(model) : options.models.includes(model)
      return chatCall(request, rules, serves, options.maxInputTokens ?? DEFAULT_MAX_INPUT_TOKENS)
    }
    if (request.method === 'GET' && path === `${prefix}/models`) {
      return { _tag: 'Data', body: { object: 'list', data: (options.models ?? DEFAULT_MODELS).map(modelObject) } }
    }
    return { _tag: 'Missing', refusal: { _tag: 'NotFound', message: `Invalid URL (${request.method} ${path})` } }
  }
  return (request) => ({ ask: ask(request), speech: openAiSpeech(context, request) })
}

const openAiSpeech = ({ options, limits }: WireContext, request: EngineRequest): Speech => {
  const { model, streams, includeUsage } = peek(request.body)
  const sloppy = options.sloppy ?? {}
  return chatSpeech({
    ids: { message: 'chatcmpl-', toolUse: 'call_' },
    style: openAiStyle(sloppy, { created: Math.floor(request.at / 1_000), includeUsage }),
    headers: (exhausted) => [
      ['x-request-id', request.requestId],
      ['openai-processing-ms', '12'],
      ...openAiRateHeaders(limits, request.at, exhausted),
    ],
    refuse: (refusal) => openAiStep(refusal, model, sloppy),
    streams,
  })
}

const modelObject = (id: string): object => ({ id, object: 'model', created: 1_790_000_000, owned_by: 'simulated' })

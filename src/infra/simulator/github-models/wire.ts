/**
 * GitHub Models: OpenAI's chat completions under GitHub's headers and small limits, also on behalf of an organization; and
 * the end of the service.
 */

import type { EngineOptions } from '#infra/simulator/engine-options.ts'
import { announcedEnd, brownout, githubStep } from '#infra/simulator/github-models/refusals.ts'
import { badBearer, chatCall } from '#infra/simulator/openai/chat-call.ts'
import { chatSpeech } from '#infra/simulator/openai/chat-speech.ts'
import { openAiStyle } from '#infra/simulator/openai/chat-style.ts'
import { peek } from '#infra/simulator/openai/peek.ts'
import type { Refusal } from '#infra/simulator/refusal.ts'
import { type Ask, type EngineRequest, headerOf, type Speech, tooLarge, type Wire } from '#infra/simulator/wire.ts'

const API_VERSION = '2022-11-28'
const ACCEPT = 'application/vnd.github+json'
/** Tokens of a prompt in the low class of models. */
const MAX_INPUT_TOKENS = 8_000
const DEFAULT_MODELS = ['openai/gpt-4.1', 'openai/gpt-4o', 'openai/gpt-5', 'meta/llama-3.3-70b-instruct']

export const githubModelsWire =
  ({ options }: { readonly options: EngineOptions }): Wire =>
  (request) => ({
    ask: ask(options, request),
    speech: speechFor(options, request),
  })

const ask = (options: EngineOptions, request: EngineRequest): Ask => {
  const [path = '/'] = request.path.split('?', 1)
  if (options.retired !== undefined) {
    return { _tag: 'Refused', refusal: options.retired === 'forbidden' ? announcedEnd : brownout }
  }
  const refused = tooLarge(request, options)
    ? ({ _tag: 'BodyTooLarge' } as const)
    : (badBearer(request, options.apiKeys) ?? wrongHeaders(request))
  if (refused !== undefined) {
    return { _tag: 'Refused', refusal: refused._tag === 'BadKey' ? { _tag: 'BadKey' } : refused }
  }
  const models = options.models ?? DEFAULT_MODELS
  if (request.method === 'POST' && /^(\/orgs\/[^/]+)?\/inference\/chat\/completions$/.test(path)) {
    const rules = { accepts: [], publisher: 'openai/', sloppy: options.sloppy ?? {} }
    return chatCall(request, rules, (model) => models.includes(model), options.maxInputTokens ?? MAX_INPUT_TOKENS)
  }
  return request.method === 'GET' && path === '/catalog/models'
    ? { _tag: 'Data', body: models.map(catalogEntry) }
    : { _tag: 'Missing', refusal: { _tag: 'NotFound', message: 'Not Found' } }
}

const wrongHeaders = ({ headers }: EngineRequest): Refusal | undefined => {
  const version = headerOf(headers, 'x-github-api-version')
  if (version !== API_VERSION) {
    return {
      _tag: 'InvalidRequest',
      message: `X-GitHub-Api-Version: '${version ?? ''}' is not a supported API version.`,
    }
  }
  const accept = headerOf(headers, 'accept') ?? ''
  return accept.includes(ACCEPT)
    ? undefined
    : { _tag: 'InvalidRequest', message: `Unsupported 'Accept' header: '${accept}'. Must accept '${ACCEPT}'.` }
}

const speechFor = (options: EngineOptions, request: EngineRequest): Speech => {
  const { model, streams, includeUsage } = peek(request.body)
  return chatSpeech({
    ids: { message: 'chatcmpl-', toolUse: 'call_' },
    style: openAiStyle(options.sloppy ?? {}, { created: Math.floor(request.at / 1_000), includeUsage }),
    headers: () => [['x-github-request-id', request.requestId]],
    refuse: (refusal) => githubStep(refusal, model),
    streams,
  })
}

const catalogEntry = (id: string): object => ({
  id,
  name: id.slice(id.indexOf('/') + 1),
  publisher: id.slice(0, id.indexOf('/')),
  registry: 'azureml',
  summary: 'A simulated model.',
  rate_limit_tier: 'low',
  supported_input_modalities: ['text'],
  supported_output_modalities: ['text'],
  tags: [],
  limits: { max_input_tokens: MAX_INPUT_TOKENS, max_output_tokens: 4_000 },
  capabilities: ['streaming', 'tool-calling'],
})

/**
 * The Anthropic Messages API: which request is what, its key, its bodies, its answers.
 */

import { organizationOf, workspaceOf } from '#infra/simulator/anthropic/account.ts'
import { parseClaudeBody } from '#infra/simulator/anthropic/claude-body.ts'
import { messageObject } from '#infra/simulator/content.ts'
import { makeModelList } from '#infra/simulator/model-list.ts'
import { rfc3339 } from '#infra/simulator/rate-limits.ts'
import type { Refusal } from '#infra/simulator/refusal.ts'
import { anthropicStep, wordingOf } from '#infra/simulator/refusals.ts'
import { frame, pingFrame, streamEvents } from '#infra/simulator/stream-events.ts'
import {
  type Ask,
  bearerOf,
  DEFAULT_MAX_INPUT_TOKENS,
  type EngineRequest,
  headerOf,
  type Speech,
  tooLarge,
  type Wire,
  type WireContext,
} from '#infra/simulator/wire.ts'

export const anthropicWire = (context: WireContext): Wire => {
  const { options } = context
  const models = makeModelList(options.models)

  const ask = (request: EngineRequest): Ask => {
    const [path = '/', query] = request.path.split('?', 2)
    if (request.method === 'HEAD' && path === '/api/hello') return { _tag: 'Hello' }
    const refused = tooLarge(request, options)
      ? ({ _tag: 'BodyTooLarge' } as const)
      : badKeyOf(request, options.apiKeys)
    if (refused !== undefined) return { _tag: 'Refused', refusal: refused }
    const posting = request.method === 'POST'
    const calling = posting && path === '/v1/messages'
    if (calling || (posting && path === '/v1/messages/count_tokens')) {
      const parsed = parseClaudeBody(request, options, {
        counting: !calling,
        version: headerOf(request.headers, 'anthropic-version'),
      })
      if (parsed._tag === 'Invalid') {
        return { _tag: 'Refused', refusal: { _tag: 'InvalidRequest', message: parsed.message } }
      }
      const { body } = parsed
      if (!models.serves(body.model)) {
        return { _tag: 'Refused', refusal: { _tag: 'UnknownModel', model: body.model } }
      }
      return calling
        ? { _tag: 'Call', body, maxInputTokens: options.maxInputTokens ?? DEFAULT_MAX_INPUT_TOKENS }
        : { _tag: 'Count', body }
    }
    if (request.method === 'GET' && path === '/v1/models') {
      return { _tag: 'Data', body: models.page(new URLSearchParams(query)) }
    }
    if (request.method === 'GET' && path.startsWith('/v1/models/')) {
      const id = path.slice('/v1/models/'.length).replaceAll('%2F', '/')
      return models.serves(id)
        ? { _tag: 'Data', body: models.one(id) }
        : { _tag: 'Missing', refusal: { _tag: 'UnknownModel', model: id } }
    }
    return { _tag: 'Missing', refusal: { _tag: 'NotFound', message: 'Not Found' } }
  }
  return (request) => ({ ask: ask(request), speech: claudeSpeech(context, request) })
}

/** The key as `x-api-key` or bearer; both given, `x-api-key` counts. */
const badKeyOf = (request: EngineRequest, apiKeys: readonly string[] | undefined): Refusal | undefined => {
  if (apiKeys === undefined) return undefined
  const key = headerOf(request.headers, 'x-api-key')
  const bearer = bearerOf(request.headers)
  if (key === undefined && bearer === undefined) return { _tag: 'BadKey', message: 'x-api-key header is required' }
  if (key !== undefined) return apiKeys.includes(key) ? undefined : { _tag: 'BadKey' }
  return apiKeys.includes(bearer ?? '') ? undefined : { _tag: 'BadKey', message: 'Invalid bearer token' }
}

const claudeSpeech = ({ seed, limits }: WireContext, { requestId, at }: EngineRequest): Speech => ({
  ids: { message: 'msg_01', toolUse: 'toolu_01' },
  jsonType: 'application/json',
  headers: (exhausted) => {
    const usual = [
      ['request-id', requestId],
      ['anthropic-organization-id', organizationOf(seed)],
      ['anthropic-workspace-id', workspaceOf(seed)],
      ...limits.headers(at),
    ] as const
    if (exhausted === undefined) return usual
    const name = `anthropic-ratelimit-${exhausted.limit}`
    return [
      ...usual.filter(([header]) => header !== `${name}-remaining` && header !== `${name}-reset`),
      [`${name}-remaining`, '0'],
      [`${name}-reset`, rfc3339(at + exhausted.retryAfterSeconds * 1_000)],
    ]
  },
  refuse: anthropicStep,
  errorBody: (body) => ({ ...body, request_id: requestId }),
  json: (message) => messageObject(message),
  events: (message, shape) => streamEvents(message, shape),
  errorEvent: (type, message) => frame('error', { error: { type, message: message ?? wordingOf(type) } }),
  ping: pingFrame,
})

/**
 * Vertex AI: Claude as Google serves it, token counts, and Gemini in the OpenAI dialect; all behind Google access tokens.
 */
import { parseClaudeBody } from '#infra/simulator/anthropic/claude-body.ts'
import { generationOf } from '#infra/simulator/anthropic/strict-models.ts'
import { messageObject } from '#infra/simulator/content.ts'
import type { EngineOptions } from '#infra/simulator/engine-options.ts'
import { isObject, parseJson } from '#infra/simulator/json.ts'
import { wordingOf } from '#infra/simulator/refusals.ts'
import { frame, pingFrame, streamEvents } from '#infra/simulator/stream-events.ts'
import { checkVertexBody, VERTEX_BETAS } from '#infra/simulator/vertex/check-body.ts'
import { geminiAsk, geminiSpeech } from '#infra/simulator/vertex/gemini.ts'
import { GOOGLE_HEADERS, GOOGLE_JSON } from '#infra/simulator/vertex/google-headers.ts'
import { type Place, type VertexPath, vertexPath } from '#infra/simulator/vertex/paths.ts'
import { vertexStep } from '#infra/simulator/vertex/refusals.ts'
import {
  type Ask,
  bearerOf,
  DEFAULT_MAX_INPUT_TOKENS,
  type EngineRequest,
  type Speech,
  tooLarge,
  type Wire,
  type WireContext,
} from '#infra/simulator/wire.ts'

/** 30 MB, less than Anthropic's own. */
const MAX_BODY_BYTES = 30 * 1_024 * 1_024

export const vertexWire = (context: WireContext): Wire => {
  const options = { maxBodyBytes: MAX_BODY_BYTES, betas: VERTEX_BETAS, ...context.options }
  return (request) => {
    const [pathname = '/', query] = request.path.split('?', 2)
    const path = vertexPath(pathname)
    const speech =
      path?._tag === 'Gemini' ? geminiSpeech(context, request, path.place) : claudeSpeech(options, request, path)
    return { ask: ask(options, request, path, query), speech }
  }
}

const ask = (
  options: EngineOptions,
  request: EngineRequest,
  path: VertexPath | undefined,
  query: string | undefined,
): Ask => {
  if (!authentic(request, options)) return { _tag: 'Refused', refusal: { _tag: 'BadKey' } }
  if (tooLarge(request, options)) return { _tag: 'Refused', refusal: { _tag: 'BodyTooLarge' } }
  if (request.method !== 'POST' || path === undefined) {
    return { _tag: 'Missing', refusal: { _tag: 'NotFound', message: 'Method not found.' } }
  }
  if (path._tag === 'Gemini') return geminiAsk(options, request)
  const [unknown] = [...new URLSearchParams(query).keys()].filter((key) => key !== 'alt' && key !== 'key')
  if (unknown !== undefined) {
    return {
      _tag: 'Refused',
      refusal: {
        _tag: 'InvalidRequest',
        message: `Invalid JSON payload received. Unknown name "${unknown}": Cannot bind query parameter.`,
      },
    }
  }
  return claudeAsk(options, request, path)
}

/** A bearer token that is good at this moment. */
const authentic = (request: EngineRequest, { accessTokens, apiKeys }: EngineOptions): boolean => {
  const token = bearerOf(request.headers)
  if (token === undefined) return false
  return accessTokens === undefined ? (apiKeys?.includes(token) ?? true) : accessTokens.accepts(token, request.at)
}

const claudeAsk = (
  options: EngineOptions,
  request: EngineRequest,
  path: Exclude<VertexPath, { _tag: 'Gemini' }>,
): Ask => {
  const counting = path._tag === 'CountTokens'
  if (!counting && !serves(options, path.place, path.model)) {
    return { _tag: 'Refused', refusal: { _tag: 'UnknownModel', model: path.model } }
  }
  const invalid = (message: string): Ask => ({ _tag: 'Refused', refusal: { _tag: 'InvalidRequest', message } })
  const json = parseJson(request.body)
  if (!isObject(json)) return invalid('The request body is not valid JSON')
  for (const complaint of checkVertexBody(request, json, { counting, streams: !counting && path.streams })) {
    if (complaint !== undefined) return invalid(complaint)
  }
  const version = String(json.anthropic_version)
  const parsed = parseClaudeBody(request, options, { counting, version, ...(counting ? {} : { model: path.model }) })
  if (parsed._tag === 'Invalid') return invalid(parsed.message)
  const { body } = parsed
  if (!counting) return { _tag: 'Call', body, maxInputTokens: options.maxInputTokens ?? DEFAULT_MAX_INPUT_TOKENS }
  return serves(options, path.place, body.model)
    ? { _tag: 'Count', body }
    : { _tag: 'Refused', refusal: { _tag: 'UnknownModel', model: body.model } }
}

/** Dates follow an `@`, there are no `[1m]` variants, and a single region has nothing newer than 4.6. */
const serves = ({ models }: EngineOptions, { location }: Place, model: string): boolean => {
  const named = models === undefined ? /^claude-[a-z0-9-]+(@\d{8})?$/.test(model) : models.includes(model)
  if (!named || /-\d{8}$/.test(model)) return false
  const generation = generationOf(model)
  return !location.includes('-') || generation === undefined || generation.version <= 406
}

const NOWHERE: Place = { project: 'unknown', location: 'global' }

const claudeSpeech = (options: EngineOptions, request: EngineRequest, path: VertexPath | undefined): Speech => {
  const requestId = request.requestId.replace(/^req_/, 'req_vrtx_')
  const streams = path?._tag === 'Claude' && path.streams
  const asked = {
    place: path?.place ?? NOWHERE,
    model: path?._tag === 'Claude' ? path.model : 'count-tokens',
    quotaAsArray: options.quotaAsArray === true && streams,
  }
  const extras = { startUsage: { speed: null, inference_geo: null } }
  return {
    ids: { message: 'msg_vrtx_01', toolUse: 'toolu_vrtx_01' },
    jsonType: GOOGLE_JSON,
    headers: () => [['request-id', requestId], ...GOOGLE_HEADERS],
    refuse: (refusal) => vertexStep(refusal, asked),
    errorBody: (body) => ('type' in body && body.type === 'error' ? { ...body, request_id: requestId } : body),
    json: (message) => messageObject(message, extras),
    events: (message, shape) => streamEvents(message, shape, extras),
    errorEvent: (type, message) => frame('error', { error: { type, message: message ?? wordingOf(type) } }),
    ping: pingFrame,
  }
}

/**
 * OpenAI chat completions as a provider speaks them: the request is lowered into the dialect, the answer raised out of it.
 * None of the client's headers travels; they are Anthropic's, and say things about the user that this vendor does not need.
 */
import { randomFillSync } from 'node:crypto'
import type { HeaderList, UpstreamRequest } from '#actors/ports.ts'
import type { AnswerOptions } from '#domain/dialect/openai/answer-parts.ts'
import { lowerRequest } from '#domain/dialect/openai/request.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'
import { markThinking } from '#domain/dialect/provenance.ts'
import type { ProviderId } from '#domain/ids.ts'
import { matchesModel } from '#domain/model-map.ts'
import { encodeJson } from '#infra/upstream/encode-json.ts'
import { withHeaders } from '#infra/upstream/forwarded-headers.ts'
import type { ChatProfile } from '#infra/upstream/profile.ts'
import { raisingStream } from '#infra/upstream/raise-stream.ts'
import { raisingCollected, raisingWhole } from '#infra/upstream/raise-whole.ts'
import { type Preparation, pathOf, type Wire } from '#infra/upstream/wire.ts'

const decoder = new TextDecoder()

const BASE_HEADERS: HeaderList = [
  ['content-type', 'application/json'],
  ['accept', 'application/json'],
]
const STREAM_HEADERS: HeaderList = [['accept', 'text/event-stream']]

export const chatWire = (id: ProviderId, profile: ChatProfile): Wire => {
  const headers = withHeaders(BASE_HEADERS, profile.headers)
  // A server with a media type of its own (GitHub) wants that for streams too.
  const streamHeaders = withHeaders(withHeaders(BASE_HEADERS, STREAM_HEADERS), profile.headers)
  const quirksOf = (model: string): OpenAiQuirks => {
    const fitting = profile.modelQuirks.filter(({ models }) => models.some((pattern) => matchesModel(pattern, model)))
    return Object.assign({}, profile.quirks, ...fitting.map(({ quirks }) => quirks))
  }

  const prepare = function* (request: UpstreamRequest): Preparation {
    const { body, target } = request
    if (target === undefined || body === null) {
      const list = headers.filter(([name]) => name !== 'content-type')
      return { _tag: 'Outgoing', path: profile.paths.models ?? '', headers: list, body: null }
    }
    const { model, stream } = target
    const quirks = quirksOf(model)
    const text = decoder.decode(body)
    yield
    const parsed: unknown = JSON.parse(text)
    yield
    const lowered = lowerRequest(parsed, {
      model,
      quirks,
      without: target.without,
      forceStream: quirks.streamAlways === true,
    })
    if ('refused' in lowered) return { _tag: 'Refused', message: lowered.refused }
    yield
    const chat = profile.extraBody === undefined ? lowered.body : { ...profile.extraBody, ...lowered.body }
    const bytes = yield* encodeJson(chat)
    const options: AnswerOptions = {
      quirks,
      names: lowered.names,
      sign: (thinking) => markThinking(id, thinking),
      model: target.asked,
      newId,
      estimatedInputTokens: target.inputTokens,
    }
    return {
      _tag: 'Outgoing',
      path: pathOf((stream ? profile.paths.stream : undefined) ?? profile.paths.call, model),
      headers: stream || quirks.streamAlways === true ? streamHeaders : headers,
      body: bytes,
      translate: (stream ? raisingStream : quirks.streamAlways === true ? raisingCollected : raisingWhole)(
        options,
        lowered.dropped,
      ),
    }
  }
  return { prepare }
}

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const ID_LENGTH = 24
/** One call for many ids: a call costs as much as the bytes of fifty. */
const pool = Buffer.allocUnsafe(128 * ID_LENGTH)
let used = pool.length

/** 24 alphanumerics, 140 random bits. */
const newId = (): string => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  let text = ''
  for (const byte of pool.subarray(used, used + ID_LENGTH)) text += ALPHANUMERIC[byte % ALPHANUMERIC.length]
  used += ID_LENGTH
  return text
}

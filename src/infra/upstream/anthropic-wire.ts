/**
 * The Anthropic Messages API as a provider speaks it: the client's bytes and headers go through, but for the few edits that
 * this provider needs, each a cut in the raw text. Header names, beta values and body fields are open lists: what is not
 * named here passes.
 */
import type { HeaderList, Target, UpstreamListener, UpstreamRequest } from '#actors/ports.ts'
import { parseClaudeModel } from '#domain/claude-models.ts'
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'
import { addMembers } from '#domain/dialect/add-members.ts'
import { fitAnthropic } from '#domain/dialect/fit-anthropic.ts'
import { fitGeneration } from '#domain/dialect/fit-generation.ts'
import { markFrame, markMessage } from '#domain/dialect/foreign-thinking.ts'
import { cleanForClaude, cleanForVendor } from '#domain/dialect/provenance.ts'
import { setTopLevelString } from '#domain/dialect/raw-json.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'
import { toVertexBody, toVertexCountBody } from '#domain/dialect/vertex-body.ts'
import type { ProviderId } from '#domain/ids.ts'
import { forwardedHeaders, withHeaders } from '#infra/upstream/forwarded-headers.ts'
import type { AnthropicProfile } from '#infra/upstream/profile.ts'
import { MAX_ANSWER_BYTES, malformed, TOO_LARGE } from '#infra/upstream/raised-answer.ts'
import { type Preparation, pathOf, type Translation, type TranslationControl, type Wire } from '#infra/upstream/wire.ts'

export interface AnthropicWireOptions {
  readonly id: ProviderId
  readonly profile: AnthropicProfile
  /** The client's own credential goes along. */
  readonly ownCredential: boolean
}

const BETA = 'anthropic-beta'
const VERSION = 'anthropic-version'

export const anthropicWire = ({ id, profile, ownCredential }: AnthropicWireOptions): Wire => {
  const prepare = function* (request: UpstreamRequest): Preparation {
    const { body, target } = request
    const headers = withHeaders(forwardedHeaders(request.headers, ownCredential), profile.headers)
    if (target === undefined || body === null) {
      return { _tag: 'Outgoing', path: `${profile.paths.models ?? ''}${request.query}`, headers, body }
    }
    const counting = request.path === '/v1/messages/count_tokens'
    const foreign = profile.foreignThinking || isForeign(target)
    let fitted = body
    if (request.isClean !== true) fitted = foreign ? cleanForVendor(body, id) : cleanForClaude(body)
    yield
    const given = betasOf(headers)
    const without = [...profile.without, ...target.without]
    const fit = without.length === 0 ? undefined : yield* fitAnthropic({ body: fitted, betas: given, without })
    fitted = fit?.body ?? fitted
    yield
    fitted = yield* fitGeneration(fitted, target.asked, target.model)
    yield
    if (profile.extraBody !== undefined) fitted = addMembers(fitted, profile.extraBody)
    yield
    fitted = addressed(fitted, request, target, profile, counting)
    return {
      _tag: 'Outgoing',
      path: pathFor(request, target, profile, counting),
      headers: fittedHeaders(headers, given, fit?.betas ?? given, profile),
      body: fitted,
      ...(foreign && !counting ? { translate: marking(id, target.stream) } : {}),
    }
  }
  return { prepare }
}

/** Under another vendor's name even a gateway that serves Claude serves something else. */
const isForeign = ({ model }: Target): boolean => parseClaudeModel(model) === undefined && /\//.test(model)

const betasOf = (headers: HeaderList): readonly string[] =>
  headers
    .filter(([name]) => name === BETA)
    .flatMap(([, value]) => value.split(','))
    .map((beta) => beta.trim())
    .filter((beta) => beta !== '')

/** The model's name goes where this provider looks for it. */
const addressed = (
  body: Uint8Array,
  { headers }: UpstreamRequest,
  { asked, model }: Target,
  profile: AnthropicProfile,
  counting: boolean,
): Uint8Array => {
  if (profile.bodyForm === 'messages') return asked === model ? body : setTopLevelString(body, 'model', model)
  const version = headers.find(([name]) => name === VERSION)?.[1]
  return counting ? toVertexCountBody(body, version, model) : toVertexBody(body, version)
}

const pathFor = (request: UpstreamRequest, target: Target, profile: AnthropicProfile, counting: boolean): string => {
  const { paths } = profile
  const template = counting ? (paths.countTokens ?? '') : target.stream ? (paths.stream ?? paths.call) : paths.call
  // `?beta=true` means nothing to Google.
  return `${pathOf(template, target.model)}${profile.bodyForm === 'vertex' ? '' : request.query}`
}

/** Headers are left as they came unless something had to go. */
const fittedHeaders = (
  headers: HeaderList,
  given: readonly string[],
  kept: readonly string[],
  profile: AnthropicProfile,
): HeaderList => {
  const without = (name: string): HeaderList => headers.filter(([one]) => one !== name)
  let fitted = headers
  if (kept.length !== given.length) {
    fitted = [...without(BETA), ...(kept.length === 0 ? [] : ([[BETA, kept.join(',')]] as const))]
  }
  if (profile.bodyForm === 'vertex') fitted = fitted.filter(([name]) => name !== VERSION)
  if (profile.betaHeader !== undefined && kept.length > 0) {
    fitted = withHeaders(fitted, [[profile.betaHeader, kept.join(',')]])
  }
  return fitted
}

/** Marks the signatures of an answer; everything else passes as it came. */
const marking =
  (id: ProviderId, stream: boolean): Translation =>
  (client, control) =>
    stream ? markingStream(id, client) : markingWhole(id, client, control)

const markingStream = (id: ProviderId, client: UpstreamListener): UpstreamListener => {
  const cutter = frameCutter()
  let ok = true
  let status = 0
  return {
    ...client,
    headers: (code, headers) => {
      status = code
      client.headers(code, headers)
    },
    data: (chunk) => {
      if (status >= 300) return client.data(chunk)
      const frames: Uint8Array[] = []
      if (ok) ok = cutFrames(cutter, chunk, (frame) => void frames.push(markFrame(id, frame)))
      // A frame without end is no event stream; the reader of it will say so.
      if (!ok) return client.data(chunk)
      return frames.length === 0 ? true : client.data(frames.length === 1 ? (frames[0] ?? chunk) : concatBytes(frames))
    },
    end: () => {
      const rest = concatBytes(cutter.pieces)
      if (rest.length > 0 && status < 300) client.data(rest)
      client.end()
    },
  }
}

const markingWhole = (id: ProviderId, client: UpstreamListener, control: TranslationControl): UpstreamListener => {
  const pieces: Uint8Array[] = []
  let size = 0
  let status = 0
  return {
    ...client,
    headers: (code, headers) => {
      status = code
      client.headers(code, headers)
    },
    data: (chunk) => {
      if (status >= 300) return client.data(chunk)
      keepPiece(pieces, chunk)
      size += chunk.length
      if (size > MAX_ANSWER_BYTES) {
        control.abort()
        client.fail(malformed(TOO_LARGE))
      }
      return true
    },
    end: () => {
      if (pieces.length > 0) client.data(markMessage(id, concatBytes(pieces)))
      client.end()
    },
  }
}
